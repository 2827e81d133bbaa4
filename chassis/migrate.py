"""`python -m chassis.migrate`: migrate the database to the schema of this release, under a lock.

Applies each new `schema/NNNN_*.sql` in its own transaction, and then `roles.sql` on every run.
"""

import asyncio
import hashlib
import re
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg

from chassis import config
from chassis.database import Connection
from chassis.postgres import Connector
from chassis.queries import Queries
from chassis.roles import DEFAULT_PREFIX, PREFIX, roles_in, with_prefix
from chassis.telemetry import configure_logging, get_logger

log = get_logger(__name__)

SCHEMA = Path(__file__).resolve().parent.parent / "schema"
QUERIES = Queries.load(Path(__file__).with_name("migrate.sql"))
OLDEST_POSTGRES = 15
ADVISORY_LOCK = 7_130_001
# A migrator may wait minutes for another migrator, but a migration must not block traffic for long.
_MIGRATOR_LOCK_TIMEOUT = timedelta(minutes=10)
LOCK_TIMEOUT = timedelta(seconds=4)
STATEMENT_TIMEOUT = timedelta(minutes=5)
CONNECT_TIMEOUT = timedelta(seconds=10)

_NAME = re.compile(r"\d{4}_\w+\.sql")
_TABLE = """
CREATE SCHEMA IF NOT EXISTS chassis;
CREATE TABLE IF NOT EXISTS chassis.migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class MigrationError(Exception):
    """The database cannot be migrated; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Config(config.Postgres):
    """Settings of the command."""

    database_url: config.Secret = config.setting(help="file with the Postgres URL of the owner of the schema")
    database_role_prefix: str = config.setting(
        DEFAULT_PREFIX,
        help="start of the names of the services' roles, e.g. `acme` for `acme_sender`; installations that"
        " share a Postgres server need different ones",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not PREFIX.fullmatch(self.database_role_prefix):
            raise ValueError(
                f"{config.PREFIX}DATABASE_ROLE_PREFIX: {self.database_role_prefix!r} is not up to 40"
                " lower-case letters, digits and underscores, starting with a letter but not with pg_"
            )


@dataclass(frozen=True)
class Migration:
    """One migration file."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Return the digest that detects edits of an applied migration."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(directory: Path = SCHEMA) -> list[Migration]:
    """Return the migrations in the order of their numbers."""
    paths = sorted(path for path in directory.glob("*.sql") if _NAME.fullmatch(path.name))
    return [Migration(path.name, path.read_text(encoding="utf-8")) for path in paths]


async def migrate(
    database_url: str,
    directory: Path = SCHEMA,
    *,
    role_prefix: str = DEFAULT_PREFIX,
    tls_ca: config.Secret | None = None,
) -> list[str]:
    """Apply pending migrations and return their names. Safe to run concurrently.

    Raises MigrationError if an applied file was edited or the role lacks rights, ConnectionFailed. Applied
    migrations that are missing in the directory belong to a newer release and are ignored.
    """
    wanted, grants = migrations(directory), with_prefix(_grants(directory), role_prefix)
    roles = [with_prefix(role, role_prefix) for role in roles_in(_grants(directory))]
    settings = config.Postgres(database_url=config.Secret(database_url), database_tls_ca=tls_ca)
    connection = await Connector(settings, "migrate", connect_timeout=CONNECT_TIMEOUT).connect()
    try:
        await _lock_migrations(connection)
        await _check_rights(connection, roles)
        applied = await _apply_all(connection, wanted)
        async with connection.transaction():
            await connection.execute(grants)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT.total_seconds())
    return applied


async def _lock_migrations(connection: Connection) -> None:
    """Take the session-level advisory lock that lets only one migrator run; it ends with the connection."""
    await _set_timeouts(connection, statement=_MIGRATOR_LOCK_TIMEOUT, lock=_MIGRATOR_LOCK_TIMEOUT)
    await connection.execute(*QUERIES.lock(lock=ADVISORY_LOCK))
    await _set_timeouts(connection, statement=STATEMENT_TIMEOUT, lock=LOCK_TIMEOUT)


async def _set_timeouts(connection: Connection, *, statement: timedelta, lock: timedelta) -> None:
    limits = {"statement_timeout": statement, "lock_timeout": lock}
    for name, limit in limits.items():
        await connection.execute(*QUERIES.set_timeout(name=name, value=f"{limit.total_seconds():.0f}s"))


async def _check_rights(connection: Connection, roles: list[str]) -> None:
    """Raise MigrationError, before anything is changed, that says what this role and server lack."""
    version = connection.get_server_version().major
    if version < OLDEST_POSTGRES:
        raise MigrationError(f"Postgres {version} is too old. Use {OLDEST_POSTGRES} or newer.")
    if (row := await connection.fetchrow(*QUERIES.rights(roles=roles))) is None:
        return
    owner, database, problems = row["owner"], row["database"], []
    if row["schema_owner"]:
        problems.append(f"The schema belongs to {row['schema_owner']}: migrate as that role, not as {owner}.")
    if not row["may_create_schemas"]:
        problems.append(
            f"{owner} may not create schemas: run `ALTER DATABASE {database} OWNER TO {owner}` as its owner."
        )
    if row["missing_roles"] and not row["may_create_roles"]:
        problems.append(
            f"{owner} may not create the missing roles {', '.join(row['missing_roles'])}: run the SQL of"
            " `letterhead postgres roles` as a role with CREATEROLE (docs/postgres.md)."
        )
    if problems:
        raise MigrationError(" ".join(problems))


async def _apply_all(connection: Connection, wanted: list[Migration]) -> list[str]:
    known = await applied_migrations(connection)
    if known and wanted and wanted[0].name not in known:
        raise MigrationError(
            f"The database has the schema of {min(known)}, from before the first release, which cannot be"
            " upgraded. Use an empty database."
        )
    for migration in wanted:
        if known.get(migration.name, migration.sha256) != migration.sha256:
            raise MigrationError(f"{migration.name} was edited after it was applied. Add a new migration.")
    due = [migration for migration in wanted if migration.name not in known]
    for migration in due:
        await _apply(connection, migration)
    return [migration.name for migration in due]


async def applied_migrations(connection: Connection) -> dict[str, str]:
    """Return the applied migrations of a database: digests by name."""
    if await connection.fetchval("SELECT to_regclass('chassis.migrations')") is None:
        return {}
    rows = await connection.fetch(*QUERIES.applied())
    return {row["name"]: row["sha256"] for row in rows}


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(_TABLE)  # after the first migration, which creates the schema
        await connection.execute(*QUERIES.record(name=migration.name, sha256=migration.sha256))
    log.info("migration applied", action="migration_applied", name=migration.name)


def _grants(directory: Path) -> str:
    return (directory / "roles.sql").read_text(encoding="utf-8")


def main() -> None:
    """Migrate the database of LETTERHEAD_DATABASE_URL_FILE; exit 78 on invalid settings, 1 on failure."""
    configure_logging("migrate")
    try:
        settings = config.load(Config)
        applied = asyncio.run(
            migrate(
                settings.database_url.reveal(),
                role_prefix=settings.database_role_prefix,
                tls_ca=settings.database_tls_ca,
            )
        )
    except config.ConfigError as error:
        sys.stderr.writelines(f"{problem}\n" for problem in error.problems)
        sys.exit(78)
    except (MigrationError, OSError, asyncpg.PostgresError) as error:
        log.error("migration failed", action="migration_failed", error=str(error))  # noqa: TRY400
        sys.exit(1)
    log.info("schema is up to date", action="schema_migrated", applied=applied)


if __name__ == "__main__":
    main()
