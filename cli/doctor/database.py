"""Checks Postgres: the migrations, the grants, and that nothing waits in it too long."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from chassis import config
from chassis.database import CHECK, Connection
from chassis.events.tables import statements
from chassis.migrate import SCHEMA, applied_migrations, migrations
from chassis.postgres import ConnectionFailed, Connector
from chassis.roles import DEFAULT_PREFIX, with_prefix
from cli.doctor.findings import Finding, reason, unavailable, unseen, well, wrong
from services import PROCESSES, schemas

ANSWER_WITHIN = timedelta(seconds=5)
# Letterhead needs no finer precision, and AWS rejects requests signed with a clock five minutes off.
MOST_APART = timedelta(seconds=2)
# The thresholds of the alerts in deploy/components/alerts.
LONGEST_WAIT = timedelta(seconds=60)
POLLED_WITHIN = timedelta(seconds=30)

MIGRATE = "Run the migration: `python -m chassis.migrate`, or the Job `migrate` on a cluster."
OWNER_WANTED = "Set LETTERHEAD_DATABASE_URL_FILE to a file with the owner's URL, as for the migration."

_GRANT = re.compile(r"^GRANT (?P<rights>[A-Z, ]+) ON (?P<tables>[a-z_., ]+) TO (?P<role>\w+);$", re.MULTILINE)
_NO_ROLE = """
SELECT role FROM unnest($1::text[]) AS wanted (role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role AND rolcanlogin)
"""
# A process is counted by its connection for checks. Connections of others, and those reserved, are not free.
_CONNECTIONS = """
SELECT
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int
        - count(*) FILTER (WHERE NOT ours AND usename IS NOT NULL) AS free,
    coalesce(array_agg(application_name) FILTER (WHERE ours), '{}') AS processes
FROM (
    SELECT usename, application_name, datname = current_database() AND usename = ANY($1) AS ours
    FROM pg_stat_activity
) AS sessions
"""
_NO_RIGHT = """
SELECT role || ' may not ' || privilege || ' ' || name
FROM unnest($1::text[], $2::text[], $3::text[]) AS granted (role, privilege, name)
WHERE NOT has_table_privilege(role, name, privilege)
"""
# The threshold of the alert EventPathBroken: three heartbeats in a row.
PROVEN_WITHIN = timedelta(minutes=15)
_HEARTBEATS = """
SELECT
    h.source,
    now() - max(h.opened_at) AS sent,
    now() - min(h.opened_at) AS sending,
    now() - max(f.received_at) AS received
FROM sender.heartbeats AS h
LEFT JOIN webhooks.feedback AS f ON f.attempt_id = h.id AND f.kind = 'SEND'
WHERE h.opened_at > now() - interval '1 hour'
GROUP BY h.source
ORDER BY h.source
"""
_POLLED = "SELECT queue, now() - polled_at AS age FROM webhooks.intake ORDER BY polled_at DESC LIMIT 1"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of the migration and the services that say how to check their database."""

    database_tls_ca: config.Secret | None = config.setting(None, help="file with the CA of Postgres")
    database_role_prefix: str = config.setting(DEFAULT_PREFIX, help="start of the names of the roles")
    database_pool_size: int = config.setting(
        config.Database.database_pool_size, help="connections in the pool of each process"
    )


async def check_database(url: str | None) -> list[Finding]:
    """Check Postgres and return all findings; only one if it cannot be queried."""
    if not url:
        return [unseen("database", "no database URL is set", OWNER_WANTED)]
    settings = config.load(Settings)
    address = config.Postgres(database_url=config.Secret(url), database_tls_ca=settings.database_tls_ca)
    connector = Connector(address, "doctor", connect_timeout=ANSWER_WITHIN, command_timeout=ANSWER_WITHIN)
    try:
        connection = await connector.connect()
    except ConnectionFailed as error:
        rejected = isinstance(error.__cause__, asyncpg.PostgresError)
        return [(wrong if rejected else unavailable)("database", error.problem, error.remedy)]
    try:
        return [finding async for finding in _findings(connection, settings)]
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return [
            unavailable(
                "database", f"the connection to Postgres was lost: {reason(error)}", "Run doctor again."
            )
        ]
    finally:
        connection.terminate()


async def _findings(connection: Connection, settings: Settings) -> AsyncIterator[Finding]:
    yield well("database", f"Postgres {connection.get_server_version().major} answers")
    yield await _clock(connection)
    yield await _connections(connection, settings)
    try:
        schema = await _schema(connection)
        yield schema
        if schema.remedy:
            return
        yield await _rights(connection, settings.database_role_prefix)
        yield await _outbox(connection)
        yield await _dead_letters(connection)
        yield await _feedback(connection)
        for finding in await _event_path(connection):
            yield finding
    except asyncpg.InsufficientPrivilegeError as error:
        yield unseen("schema", f"this role lacks read permissions: {error}", OWNER_WANTED)


async def _clock(connection: Connection) -> Finding:
    before = datetime.now(UTC)
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    apart = max(before - theirs, theirs - datetime.now(UTC), timedelta(0))
    if apart > MOST_APART:
        note = f"the database's clock and this machine's are {apart.total_seconds():.1f} s apart"
        return wrong("clock", note, "Synchronize them with NTP; AWS rejects requests signed 5 minutes off.")
    return well("clock", "the clocks of the database and this machine agree")


async def _connections(connection: Connection, settings: Settings) -> Finding:
    """Compare the connections that the running processes may open with those that the server has for them."""
    names = {f"{process.name} {CHECK}": process for process in PROCESSES if process.schema}
    roles = [process.role(settings.database_role_prefix) for process in names.values()]
    row = await connection.fetchrow(_CONNECTIONS, roles)
    assert row is not None
    running = [names[name] for name in row["processes"] if name in names]
    most = sum(process.connections(settings.database_pool_size) for process in running)
    note = f"{len(running)} processes may open {most} of {row['free']} connections"
    if most > row["free"]:
        remedy = "Lower LETTERHEAD_DATABASE_POOL_SIZE, or raise max_connections (docs/postgres.md)."
        return wrong("connections", note, remedy)
    return well("connections", note)


async def _schema(connection: Connection) -> Finding:
    known = await applied_migrations(connection)
    missing = [each.name for each in migrations() if each.name not in known]
    edited = [each.name for each in migrations() if known.get(each.name, each.sha256) != each.sha256]
    if missing:
        return wrong("schema", f"not applied: {', '.join(missing)}", MIGRATE)
    if edited:
        note = f"applied migrations differ from this checkout: {', '.join(edited)}"
        return wrong("schema", note, "Check out the deployed release and run doctor again.")
    return well("schema", f"migrated to {max(known)}")


async def _rights(connection: Connection, prefix: str) -> Finding:
    roles = [role for process in PROCESSES if (role := process.role(prefix))]
    if lacking := [row["role"] for row in await connection.fetch(_NO_ROLE, roles)]:
        return wrong("rights", f"roles that do not exist or may not log in: {', '.join(lacking)}", MIGRATE)
    columns = [list(column) for column in zip(*_grants(prefix), strict=True)]
    if refused := [row[0] for row in await connection.fetch(_NO_RIGHT, *columns)]:
        more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        return wrong("rights", f"{refused[0]}{more}", f"{MIGRATE} It grants all permissions again.")
    return well("rights", f"{len(roles)} roles have all permissions of schema/roles.sql")


def _grants(prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield role, privilege and table of each grant that roles.sql spells out."""
    sql = with_prefix((SCHEMA / "roles.sql").read_text(encoding="utf-8"), prefix)
    for grant in _GRANT.finditer(sql):
        for right in grant["rights"].split(", "):
            for table in grant["tables"].split(", "):
                yield grant["role"], right, table


async def _outbox(connection: Connection) -> Finding:
    waits = {
        schema: await connection.fetchval(*statements(schema).oldest_unpublished()) for schema in schemas()
    }
    late = [f"{schema} for {_short(age)}" for schema, age in waits.items() if age and age > LONGEST_WAIT]
    if late:
        remedy = "See docs/runbooks/events-are-not-published.md."
        return wrong("outbox", f"unpublished events: {', '.join(late)}", remedy)
    return well("outbox", "events are published as they are written")


async def _dead_letters(connection: Connection) -> Finding:
    counts = {
        schema: await connection.fetchval(f"SELECT count(*) FROM {schema}.dead_letters")  # noqa: S608 - our own names
        for schema in schemas()
    }
    dead_letters = [f"{count} by {schema}" for schema, count in counts.items() if count]
    if dead_letters:
        remedy = "See docs/runbooks/events-are-dead-lettered.md."
        return wrong("dead_letters", f"dead-lettered events: {', '.join(dead_letters)}", remedy)
    return well("dead_letters", "no dead-lettered events")


async def _feedback(connection: Connection) -> Finding:
    row = await connection.fetchrow(_POLLED)
    remedy = "See docs/runbooks/ses-events-do-not-arrive.md."
    if row is None:
        return wrong("feedback", "webhooks has never polled the feedback queue", remedy)
    if row["age"] > POLLED_WITHIN:
        note = f"webhooks last polled the queue {row['queue']} {_short(row['age'])} ago"
        return wrong("feedback", note, remedy)
    return well("feedback", f"webhooks polls the queue {row['queue']}")


async def _event_path(connection: Connection) -> list[Finding]:
    """Report, for each configuration set, whether SES's events about our heartbeats arrive."""
    rows = await connection.fetch(_HEARTBEATS)
    if not rows:
        note = "unproven: no heartbeat was sent within an hour"
        return [
            unseen(
                "event path", note, "sender needs a shared domain (LETTERHEAD_SHARED_DOMAIN) that is READY."
            )
        ]
    return [_proof(**row) for row in rows]


def _proof(source: str, sent: timedelta, sending: timedelta, received: timedelta | None) -> Finding:
    if received is not None and received < PROVEN_WITHIN:
        return well("event path", f"{source}: SES's event about a heartbeat arrived {_short(received)} ago")
    if received is None and sending < PROVEN_WITHIN:
        note = f"{source}: a heartbeat was sent {_short(sent)} ago; SES's event about it has not arrived yet"
        return unseen("event path", note, "Run doctor again in a few minutes.")
    since = f"for {_short(received)}" if received else "yet"
    note = f"{source}: heartbeats are sent, and no event of SES about them has arrived {since}"
    return wrong("event path", note, "See docs/runbooks/ses-events-do-not-arrive.md.")


def _short(age: timedelta) -> str:
    seconds = age.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
