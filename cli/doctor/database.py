"""Checks Postgres: that it answers and accepts writes, its clock, the migrations and the grants."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import asyncpg

from chassis.database import Connection
from chassis.migrate import SCHEMA, applied_migrations, migrations
from cli.doctor import backlog, processes
from cli.doctor.findings import Finding, PartStatus, reason, unavailable, unseen, well, wrong
from services import PROCESSES

ANSWER_SECONDS = 5
# Letterhead needs no finer precision, and AWS rejects requests signed with a clock five minutes off.
MOST_APART = timedelta(seconds=2)

MIGRATE = "Run the migration: `python -m chassis.migrate`, or the Job `migrate` on a cluster."
OWNER_WANTED = "Set LETTERHEAD_DATABASE_URL_FILE to a file with the owner's URL, as for the migration."
RUNBOOK = "See docs/runbooks/postgres-is-down.md."

_GRANT = re.compile(r"^GRANT (?P<rights>[A-Z, ]+) ON (?P<tables>[a-z_., ]+) TO (?P<role>\w+);$", re.MULTILINE)
_NO_ROLE = """
SELECT role FROM unnest($1::text[]) AS wanted (role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role AND rolcanlogin)
"""
_NO_RIGHT = """
SELECT role, role || ' may not ' || privilege || ' ' || name AS refused
FROM unnest($1::text[], $2::text[], $3::text[]) AS granted (role, privilege, name)
WHERE NOT has_table_privilege(role, name, privilege)
"""

Check = Callable[[Connection], Awaitable[list[Finding]]]


async def check_database(url: str | None) -> list[Finding]:
    """Check Postgres and return all findings; only one if it cannot be queried."""
    if not url:
        return [unseen("database", "no database URL is set", OWNER_WANTED)]
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS, command_timeout=ANSWER_SECONDS)
    except asyncpg.PostgresError as error:
        note, remedy = f"Postgres rejected the connection: {error}", "Correct LETTERHEAD_DATABASE_URL_FILE."
        return [wrong("database", note, f"{remedy} {RUNBOOK}")]
    except (OSError, TimeoutError, ValueError) as error:
        note = f"cannot reach Postgres: {reason(error)}"
        return [unavailable("database", note, f"Check that it runs and the network path to it. {RUNBOOK}")]
    try:
        return await _all(connection)
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        note = f"the connection to Postgres was lost: {reason(error)}"
        return [unavailable("database", note, f"Run doctor again. {RUNBOOK}")]
    finally:
        connection.terminate()


async def _all(connection: Connection) -> list[Finding]:
    findings = [*await _writable(connection), *await _clock(connection)]
    schema = await _guarded("schema", _schema, connection)
    findings += schema
    if any(finding.status is not PartStatus.WELL for finding in schema):
        return findings  # other statements could fail for that reason alone
    for part, check in CHECKS.items():
        findings += await _guarded(part, check, connection)
    return findings


async def _guarded(part: str, check: Check, connection: Connection) -> list[Finding]:
    try:
        return await check(connection)
    except asyncpg.InsufficientPrivilegeError as error:
        return [unseen(part, f"this role lacks read permissions: {error}", OWNER_WANTED)]


async def _writable(connection: Connection) -> list[Finding]:
    if await connection.fetchval("SHOW transaction_read_only") == "on":
        note = "Postgres accepts no writes: it is a standby, or read-only because its disk is full"
        return [wrong("database", note, f"Connect to the primary, or free space. {RUNBOOK}")]
    return [well("database", f"Postgres {connection.get_server_version().major} answers and accepts writes")]


async def _clock(connection: Connection) -> list[Finding]:
    before = datetime.now(UTC)
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    apart = max(before - theirs, theirs - datetime.now(UTC), timedelta(0))
    if apart > MOST_APART:
        note = f"the database's clock and this machine's are {apart.total_seconds():.1f} s apart"
        return [wrong("clock", note, processes.SYNCHRONIZE)]
    return [well("clock", "the clocks of the database and this machine agree")]


async def _schema(connection: Connection) -> list[Finding]:
    known = await applied_migrations(connection)
    missing = [each.name for each in migrations() if each.name not in known]
    edited = [each.name for each in migrations() if known.get(each.name, each.sha256) != each.sha256]
    if missing:
        return [wrong("schema", f"not applied: {', '.join(missing)}", MIGRATE)]
    if edited:
        note = f"applied migrations differ from this checkout: {', '.join(edited)}"
        return [wrong("schema", note, "Check out the deployed release and run doctor again.")]
    return [well("schema", f"migrated to {max(known)}")]


async def _rights(connection: Connection) -> list[Finding]:
    owners = {process.role: process.name for process in PROCESSES if process.role}
    if lacking := [row["role"] for row in await connection.fetch(_NO_ROLE, list(owners))]:
        note = f"roles that do not exist or may not log in: {', '.join(lacking)}"
        return [wrong("rights", note, MIGRATE).of(owners[lacking[0]])]
    columns = [list(column) for column in zip(*_grants(), strict=True)]
    refused: dict[str, list[str]] = {}
    for row in await connection.fetch(_NO_RIGHT, *columns):
        refused.setdefault(owners[row["role"]], []).append(row["refused"])
    if not refused:
        return [well("rights", f"{len(owners)} roles have all permissions of schema/roles.sql")]
    remedy = f"{MIGRATE} It grants all permissions again."
    return [wrong("rights", _first_of(each), remedy).of(service) for service, each in refused.items()]


def _first_of(refused: list[str]) -> str:
    more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
    return f"{refused[0]}{more}"


def _grants() -> Iterator[tuple[str, str, str]]:
    """Yield role, privilege and table of each grant that roles.sql spells out."""
    for grant in _GRANT.finditer((SCHEMA / "roles.sql").read_text(encoding="utf-8")):
        for right in grant["rights"].split(", "):
            for table in grant["tables"].split(", "):
                yield grant["role"], right, table


# By the part that each of them is about; `schema` is checked before them.
CHECKS: Mapping[str, Check] = {
    "rights": _rights,
    "process": processes.check_processes,
    "outbox": backlog.check_outbox,
    "dead_letters": backlog.check_dead_letters,
    "identities": backlog.check_identities,
    "feedback": backlog.check_feedback,
    "event path": backlog.check_event_path,
}
