"""TLS to Postgres verifies its chain and its host name, and says in one sentence what is wrong."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from chassis.config import ConfigError, Secret, load
from chassis.config import Database as Settings
from chassis.database import open_database
from chassis.errors import Unavailable
from chassis.migrate import Config
from cli.doctor.database import check_database
from cli.doctor.findings import PartStatus
from cli.embedded import Postgres
from cli.server_process import HOST
from tests.installations import DEBIAN, installation_of
from tests.integration.chassis.certificates import Authority, Identity
from tests.integration.postgres.installations import execute, logged, run_migration
from tests.waiting import eventually


@pytest.fixture(scope="module")
def server(workspace: Path) -> Iterator[Postgres]:
    """Return a server of Debian's package; the other one is built without TLS."""
    started = Postgres.start(workspace / "postgres-tls", fsync=False, installation=installation_of(DEBIAN))
    yield started
    started.stop()


@pytest.fixture
def authority() -> Authority:
    return Authority("CA of Postgres")


@pytest.fixture
async def url(server: Postgres) -> str:
    """Return the URL of an empty database, without an sslmode."""
    name = f"tls_{uuid4().hex[:8]}"
    await execute(server.url(), f"CREATE DATABASE {name}")
    return server.url(database=name).removesuffix("?sslmode=disable")


async def present(server: Postgres, files: Identity) -> None:
    """Make the server present a certificate on new connections."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(files.key, user, user)
    files.key.chmod(0o600)
    await execute(
        server.url(),
        f"ALTER SYSTEM SET ssl_cert_file = '{files.certificate}'",
        f"ALTER SYSTEM SET ssl_key_file = '{files.key}'",
        "ALTER SYSTEM SET ssl = on",
        "SELECT pg_reload_conf()",
    )
    await eventually(lambda: _uses_tls(server, expected="on"))


async def _uses_tls(server: Postgres, *, expected: str) -> bool:
    connection = await asyncpg.connect(server.url())
    found = await connection.fetchval("SHOW ssl")
    await connection.close()
    return bool(found == expected)


@pytest.fixture
def directory(workspace: Path) -> Path:
    """Return a directory for certificates, accessible to the user that Postgres runs as."""
    return workspace / uuid4().hex


async def test_the_right_ca_and_host_are_verified(
    server: Postgres, url: str, authority: Authority, directory: Path, tmp_path: Path
) -> None:
    files = authority.issue(directory)
    await present(server, files)

    done = run_migration(url, tmp_path, LETTERHEAD_DATABASE_TLS_CA_FILE=str(files.ca))

    assert done.returncode == 0, done.stderr
    settings = Settings(database_url=Secret(url), database_tls_ca=Secret(files.ca.read_text()))
    async with open_database(settings, application_name="tls") as database:
        assert await database.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


async def test_another_ca_is_refused(
    server: Postgres, url: str, authority: Authority, directory: Path, tmp_path: Path
) -> None:
    await present(server, authority.issue(directory))
    other = Authority("another CA").issue(tmp_path / "other").ca

    done = run_migration(url, tmp_path, LETTERHEAD_DATABASE_TLS_CA_FILE=str(other))

    assert done.returncode == 1
    assert logged(done)["error"] == (
        "LETTERHEAD_DATABASE_TLS_CA_FILE does not verify Postgres's certificate: unable to get local issuer"
        " certificate. Put the CA of Postgres there."
    )


async def test_another_host_is_refused(
    server: Postgres, url: str, authority: Authority, directory: Path, tmp_path: Path
) -> None:
    files = authority.issue(directory, host="db.example.com")
    await present(server, files)

    done = run_migration(url, tmp_path, LETTERHEAD_DATABASE_TLS_CA_FILE=str(files.ca))

    assert done.returncode == 1
    assert logged(done)["error"] == (
        f"Postgres's certificate is not valid for '{HOST}'. Use one of its hosts in"
        " LETTERHEAD_DATABASE_URL_FILE."
    )


async def test_a_service_is_unavailable_rather_than_unverified(
    server: Postgres, url: str, authority: Authority, directory: Path, tmp_path: Path
) -> None:
    await present(server, authority.issue(directory))
    other = Authority("another CA").issue(tmp_path / "other").ca
    settings = Settings(database_url=Secret(url), database_tls_ca=Secret(other.read_text()))

    async with open_database(settings, application_name="tls") as database:
        with pytest.raises(Unavailable) as caught:
            await database.fetchval("SELECT 1")

    assert "does not verify Postgres's certificate" in str(caught.value.__cause__)


async def test_doctor_verifies_too(
    server: Postgres, url: str, authority: Authority, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = authority.issue(directory, host="db.example.com")
    await present(server, files)
    monkeypatch.setenv("LETTERHEAD_DATABASE_TLS_CA_FILE", str(files.ca))

    [finding] = await check_database(url)

    assert (finding.status, finding.note) == (
        PartStatus.UNAVAILABLE,
        f"Postgres's certificate is not valid for '{HOST}'",
    )


async def test_a_server_without_tls_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    """The package's Postgres has no TLS."""
    ca = Authority().issue(tmp_path / "ca").ca

    done = run_migration(
        postgres.url().removesuffix("?sslmode=disable"), tmp_path, LETTERHEAD_DATABASE_TLS_CA_FILE=str(ca)
    )

    assert logged(done)["error"] == (
        f"Postgres at '{HOST}' has no TLS. Turn it on there (`ssl = on`), or unset"
        " LETTERHEAD_DATABASE_TLS_CA_FILE."
    )


def test_an_sslmode_beside_the_ca_is_refused(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://owner@db.example.com/letterhead?sslmode=require")
    (tmp_path / "ca").write_text("CA")

    with pytest.raises(ConfigError, match="means verify-full: remove sslmode"):
        load(
            Config,
            {
                "LETTERHEAD_DATABASE_URL_FILE": str(tmp_path / "url"),
                "LETTERHEAD_DATABASE_TLS_CA_FILE": str(tmp_path / "ca"),
            },
        )
