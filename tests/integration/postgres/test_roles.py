"""An installation needs no superuser: its owner has CREATEROLE, or a DBA prepared the roles."""

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from chassis.errors import Unavailable
from chassis.migrate import MigrationError, migrate
from cli.doctor.database import check_database
from cli.doctor.findings import Finding, PartStatus
from cli.embedded import Postgres
from services import PROCESSES, schemas
from tests.integration.postgres.installations import (
    Installation,
    a_role,
    execute,
    logged,
    on_database,
    prepare,
    printed,
    role_of,
    run_migration,
)

SERVICES = [process.name for process in PROCESSES if process.schema]


@pytest.fixture
def name() -> str:
    """Return a new name for a database and a prefix."""
    return f"acme_{uuid4().hex[:8]}"


async def test_an_owner_with_createrole_installs_everything(server: Postgres, name: str) -> None:
    """As the master user of RDS, who is not a superuser."""
    master = await a_role(server, "CREATEROLE CREATEDB")
    await execute(master, f"CREATE DATABASE {name}")

    first = await migrate(on_database(master, name), role_prefix=name)
    again = await migrate(on_database(master, name), role_prefix=name)

    assert (first[0], again) == ("0001_chassis.sql", [])
    await execute(master, f"ALTER ROLE {name}_sender PASSWORD 'new'")
    sender = on_database(master, name).replace(f"{role_of(master)}:secret", f"{name}_sender:new")
    await execute(sender, "SELECT count(*) FROM sender.emails")


@pytest.mark.parametrize("dba", ["SUPERUSER", "CREATEROLE CREATEDB"])
async def test_an_owner_without_rights_installs_with_prepared_roles(
    server: Postgres, dba: str, tmp_path: Path
) -> None:
    installation = prepare(server, await a_role(server, dba), tmp_path)
    async with installation.open("sender") as early:
        with pytest.raises(Unavailable):  # its role may not connect before the migration
            await early.check()

    await installation.migrate()

    for service in SERVICES:
        async with installation.open(service) as database:
            assert await database.fetchval("SELECT current_user") == f"{installation.name}_{service}"
            assert await database.fetchval(f"SELECT count(*) FROM {service}.outbox") == 0  # noqa: S608
    assert await _attributes(server, installation) == {(False, False, False, False)}


async def test_doctor_checks_the_rights_of_an_installation_as_its_owner(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = prepare(server, server.url(), tmp_path)
    await installation.migrate()
    monkeypatch.setenv("LETTERHEAD_DATABASE_ROLE_PREFIX", installation.name)

    rights = await _rights(installation)
    await execute(
        on_database(server.url(), installation.name),
        f"REVOKE SELECT ON webhooks.feedback FROM {installation.name}_sender",  # noqa: S608
    )
    revoked = await _rights(installation)

    assert (rights.status, revoked.status) == (PartStatus.WELL, PartStatus.WRONG)
    assert revoked.note == f"{installation.name}_sender may not SELECT webhooks.feedback"


async def test_partitions_are_rotated_by_a_role_that_owns_nothing(server: Postgres, tmp_path: Path) -> None:
    installation = prepare(server, server.url(), tmp_path)
    await installation.migrate()

    async with installation.open("sender") as sender:
        await sender.execute("SELECT chassis.make_partitions('sender.email_transitions', 3)")


async def test_files_with_passwords_stay_when_the_command_runs_again(
    server: Postgres, tmp_path: Path
) -> None:
    installation = prepare(server, server.url(), tmp_path)
    await installation.migrate()
    before = installation.url("sender")

    sql = printed(installation.directory, server, installation.name)

    assert installation.url("sender") == before
    assert before.partition("@")[0].rpartition(":")[2] not in sql


async def test_the_job_names_the_roles_that_it_may_not_create(
    server: Postgres, name: str, tmp_path: Path
) -> None:
    owner = await a_role(server, "")
    await execute(server.url(), f"CREATE DATABASE {name} OWNER {role_of(owner)}")

    done = run_migration(on_database(owner, name), tmp_path, LETTERHEAD_DATABASE_ROLE_PREFIX=name)

    roles = ", ".join(f"{name}_{schema}" for schema in sorted(schemas()))
    assert done.returncode == 1
    assert logged(done)["error"] == (
        f"{role_of(owner)} may not create the missing roles {roles}: run the SQL of"
        " `letterhead postgres roles` as a role with CREATEROLE (docs/postgres.md)."
    )
    assert await _schemas(on_database(server.url(), name)) == []


async def test_an_owner_that_may_create_no_schema_learns_what_to_run(server: Postgres, name: str) -> None:
    owner = await a_role(server, "CREATEROLE")
    await execute(server.url(), f"CREATE DATABASE {name}")

    with pytest.raises(MigrationError, match=f"ALTER DATABASE {name} OWNER TO {role_of(owner)}"):
        await migrate(on_database(owner, name), role_prefix=name)


async def test_the_schema_of_another_owner_is_named(server: Postgres, name: str) -> None:
    await execute(server.url(), f"CREATE DATABASE {name}")
    await migrate(on_database(server.url(), name), role_prefix=name)
    owner = await a_role(server, "CREATEROLE")
    await execute(server.url(), f"ALTER DATABASE {name} OWNER TO {role_of(owner)}")

    with pytest.raises(MigrationError, match="The schema belongs to postgres: migrate as that role"):
        await migrate(on_database(owner, name), role_prefix=name)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (":secret@", 'password authentication failed for user "{role}"'),
        ("/postgres", 'database "absent" does not exist'),
    ],
)
async def test_the_job_says_in_one_sentence_why_it_cannot_connect(
    server: Postgres, tmp_path: Path, change: str, sentence: str
) -> None:
    owner = await a_role(server, "")
    wrong = owner.replace(change, {":secret@": ":wrong@", "/postgres": "/absent"}[change])

    done = run_migration(wrong, tmp_path)

    assert done.returncode == 1
    assert logged(done)["error"] == (
        f"Postgres rejected the connection: {sentence.format(role=role_of(owner))}."
        " Correct LETTERHEAD_DATABASE_URL_FILE, or create what is missing."
    )


async def test_two_installations_on_one_server_cannot_read_each_other(
    server: Postgres, tmp_path: Path
) -> None:
    ours = prepare(server, server.url(), tmp_path)
    theirs = prepare(server, server.url(), tmp_path)
    await ours.migrate()
    await theirs.migrate()

    for own, other in ((ours, theirs), (theirs, ours)):
        for process in ("migrate", *SERVICES):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
                await execute(on_database(own.url(process), other.name), "SELECT 1")
            await execute(own.url(process), "SELECT 1")
    assert await _grantees(ours) == {f"{ours.name}_{each}" for each in (*schemas(), "owner")}


async def _rights(installation: Installation) -> Finding:
    findings = await check_database(installation.url("migrate"))
    [found] = [each for each in findings if each.part == "rights"]
    return found


async def _attributes(server: Postgres, installation: Installation) -> set[tuple[bool, ...]]:
    connection = await asyncpg.connect(server.url())
    rows = await connection.fetch(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles"
        " WHERE starts_with(rolname, $1)",
        installation.name,
    )
    await connection.close()
    return set(map(tuple, rows))


async def _schemas(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1)", [*schemas()])
    await connection.close()
    return [row["nspname"] for row in rows]


async def _grantees(installation: Installation) -> set[str]:
    """Return the roles with any privilege on a table of an installation."""
    connection = await asyncpg.connect(on_database(installation.server.url(), installation.name))
    rows = await connection.fetch(
        "SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_schema = ANY ($1)",
        [*schemas()],
    )
    await connection.close()
    return {row["grantee"] for row in rows}
