"""Everything works through session pooling, and transaction pooling is refused with one sentence."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import asyncpg
import pytest

from chassis.config import ConfigError, Secret
from chassis.config import Database as Settings
from chassis.database import open_database
from chassis.errors import Unavailable
from cli.embedded import Postgres
from cli.server_process import free_port
from tests.integration.postgres.installations import Installation, logged, prepare, run_migration
from tests.integration.postgres.pgbouncer import pgbouncer, through
from tests.waiting import eventually

PREFIX = "LETTERHEAD_DATABASE_ROLE_PREFIX"
REFUSED = (
    "a pooler gives this connection another session of Postgres for each transaction (pgbouncer's"
    " pool_mode=transaction). Use session pooling, or the address of Postgres itself, in"
    " LETTERHEAD_DATABASE_URL_FILE."
)


@pytest.fixture
def directory(workspace: Path) -> Iterator[Path]:
    """Return a directory that the user of pgbouncer can read."""
    with TemporaryDirectory(dir=workspace) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def installation(server: Postgres, tmp_path: Path) -> Installation:
    return prepare(server, server.url(), tmp_path)


def passwords(installation: Installation) -> dict[str, str]:
    urls = [urlsplit(installation.url(process)) for process in ("migrate", "identity", "sender")]
    return {url.username or "": url.password or "" for url in urls}


def settings(installation: Installation, process: str, port: int) -> Settings:
    return Settings(database_url=Secret(through(installation.url(process), port)), database_pool_size=5)


async def test_everything_works_through_session_pooling(
    installation: Installation, directory: Path, tmp_path: Path
) -> None:
    async with pgbouncer(installation.server, passwords(installation), directory, mode="session") as port:
        done = await migration(installation, port, tmp_path)
        assert done.returncode == 0, done.stderr

        async with open_database(settings(installation, "identity", port), application_name="a") as identity:
            limits = await identity.fetch(
                "SELECT setting FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout')"
                " ORDER BY name"
            )
            answers = await asyncio.gather(
                *(identity.fetchval("SELECT $1::int", each) for each in range(200))
            )
            woken: list[bool] = []
            async with identity.listen("identity_outbox", lambda: woken.append(True)):
                await eventually(lambda: len(woken) == 1)
                await identity.execute("NOTIFY identity_outbox")
                await eventually(lambda: len(woken) == 2)
            await identity.check()

    assert [row["setting"] for row in limits] == ["5000", "15000"]
    assert answers == list(range(200))


async def test_the_migration_refuses_transaction_pooling(
    installation: Installation, directory: Path, tmp_path: Path
) -> None:
    async with pgbouncer(installation.server, passwords(installation), directory, mode="transaction") as port:
        done = await migration(installation, port, tmp_path)

    assert (done.returncode, logged(done)["error"]) == (1, REFUSED)


async def test_a_service_refuses_transaction_pooling_when_it_starts(
    installation: Installation, directory: Path, tmp_path: Path
) -> None:
    await installation.migrate()
    url = tmp_path / "url"
    async with pgbouncer(installation.server, passwords(installation), directory, mode="transaction") as port:
        url.write_text(through(installation.url("identity"), port))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.chassis.probe"),
            env={
                "PATH": "",
                "LETTERHEAD_GRPC_PORT": str(free_port()),
                "LETTERHEAD_GRPC_PLAINTEXT": "true",
                "LETTERHEAD_DATABASE_URL_FILE": str(url),
            },
            stderr=asyncio.subprocess.PIPE,
        )
        _, stderr = await process.communicate()

    assert (process.returncode, stderr.decode()) == (78, f"{REFUSED}\n")


async def test_transaction_pooling_is_refused_while_others_use_the_pool(
    installation: Installation, directory: Path
) -> None:
    await installation.migrate()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(
            pgbouncer(installation.server, passwords(installation), directory, mode="transaction")
        )
        stop = asyncio.Event()
        others = [
            asyncio.create_task(use(through(installation.url("identity"), port), stop)) for _ in range(4)
        ]

        for _ in range(5):
            with pytest.raises(ConfigError, match="pool_mode=transaction"):
                async with open_database(settings(installation, "identity", port), application_name="a"):
                    pass
        stop.set()
        await asyncio.gather(*others)


async def test_a_pooler_that_comes_later_makes_the_service_unavailable(
    installation: Installation, directory: Path
) -> None:
    """A service that started while nothing answered must not work on other sessions than it believes."""
    await installation.migrate()
    async with pgbouncer(
        installation.server, passwords(installation), directory, mode="transaction"
    ) as first:
        pass
    async with (
        open_database(settings(installation, "identity", first), application_name="a") as identity,
        pgbouncer(installation.server, passwords(installation), directory, mode="transaction", port=first),
    ):
        with pytest.raises(Unavailable) as caught:
            await identity.fetchval("SELECT 1")

    assert str(caught.value.__cause__) == REFUSED


async def use(url: str, stop: asyncio.Event) -> None:
    """Run transactions until `stop`, without prepared statements, as a client that suits the pool."""
    connection = await asyncpg.connect(url)
    while not stop.is_set():
        await connection.execute("SELECT pg_sleep(0.002)")
    connection.terminate()


async def migration(installation: Installation, port: int, directory: Path) -> CompletedProcess[str]:
    """Run the migration through a pooler."""
    url, settings = through(installation.url("migrate"), port), {PREFIX: installation.name}
    return await asyncio.to_thread(run_migration, url, directory, **settings)
