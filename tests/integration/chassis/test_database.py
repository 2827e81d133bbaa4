"""The connection pool: types, transactions, limits, and behaviour while Postgres is down."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from chassis.config import Database as Settings
from chassis.config import Secret
from chassis.database import Database, open_database
from chassis.errors import Aborted, DeadlineExceeded, Unavailable
from cli.server_process import free_port
from tests.stores import FreshDatabase
from tests.waiting import eventually

INSERT = "INSERT INTO identity.relay (stream, created_at) VALUES ('x', now())"


async def test_json_and_uuids_are_encoded_and_decoded(identity: Database) -> None:
    row = await identity.fetchrow("SELECT $1::jsonb AS data, $2::uuid AS id", {"a": [1, None]}, UUID(int=7))

    assert row is not None
    assert (row["data"], row["id"]) == ({"a": [1, None]}, UUID(int=7))


async def test_a_failed_transaction_is_rolled_back(identity: Database) -> None:
    async def fail() -> None:
        async with identity.transaction() as connection:
            await connection.execute(INSERT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await identity.fetchval("SELECT count(*) FROM identity.relay") == 0


async def test_a_cancelled_transaction_leaves_a_clean_connection(database: FreshDatabase) -> None:
    single = database.settings("identity", pool_size=1)  # the next caller gets the same connection
    async with open_database(single, application_name="test") as identity:

        async def hang() -> None:
            async with identity.transaction() as connection:
                await connection.execute(
                    "INSERT INTO identity.relay (stream, created_at) VALUES ('x', now())"
                )
                await connection.execute("SELECT pg_sleep(60)")

        hanging = asyncio.create_task(hang())
        await eventually(lambda: _sleeping(database))
        hanging.cancel()
        await asyncio.wait([hanging])

        assert await identity.fetchval("SELECT count(*) FROM identity.relay") == 0


async def test_a_constraint_violation_has_the_name_of_the_constraint(identity: Database) -> None:
    await identity.execute(INSERT)

    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        await identity.execute(INSERT)
    assert caught.value.constraint_name == "relay_pkey"


async def test_a_bug_in_a_query_is_not_reported_as_an_outage(identity: Database) -> None:
    with pytest.raises(asyncpg.InterfaceError):
        await identity.fetchval("SELECT $1::int", 1, 2)
    with pytest.raises(asyncpg.UndefinedTableError):
        await identity.fetchval("SELECT 1 FROM nowhere")


async def test_sessions_have_timeouts(identity: Database) -> None:
    rows = await identity.fetch(
        "SELECT name, setting FROM pg_settings WHERE name = ANY ($1)",
        ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone"],
    )

    assert dict(map(tuple, rows)) == {
        "statement_timeout": "15000",
        "lock_timeout": "5000",
        "idle_in_transaction_session_timeout": "10000",
        "TimeZone": "UTC",
    }


async def test_a_slow_statement_raises_deadline_exceeded(identity: Database) -> None:
    with pytest.raises(DeadlineExceeded):
        await _impatient(identity, "SELECT pg_sleep(60)")


async def test_a_lock_timeout_raises_aborted(identity: Database) -> None:
    async with identity.transaction() as first:
        await first.execute("SELECT pg_advisory_xact_lock(7)")

        with pytest.raises(Aborted):
            await _impatient(identity, "SELECT pg_advisory_xact_lock(7)")


async def test_calls_raise_unavailable_while_postgres_is_down() -> None:
    settings = Settings(database_url=Secret(f"postgresql://nobody@127.0.0.1:{free_port()}/x"))
    async with open_database(settings, application_name="test") as database:
        with pytest.raises(Unavailable) as caught:
            await database.fetch("SELECT 1")
        with pytest.raises(Unavailable):
            await _impatient(database, "SELECT 1")
        with pytest.raises(Unavailable):
            await database.check()

    assert caught.value.retry_after is not None


async def test_a_read_only_postgres_answers_and_accepts_no_writes(database: FreshDatabase) -> None:
    async with database.open("identity") as identity:
        await identity.check_writes()
    await database.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')

    async with database.open("identity") as identity:
        await identity.check()
        with pytest.raises(Unavailable, match="read-only"):
            await identity.check_writes()


async def test_a_terminated_connection_is_replaced(identity: Database, database: FreshDatabase) -> None:
    async def lose_connection() -> None:
        async with identity.transaction() as connection:
            await connection.execute("SELECT 1")
            await _terminate(database)
            await connection.execute("SELECT 1")

    with pytest.raises(Unavailable):
        await lose_connection()
    assert await identity.fetchval("SELECT 1") == 1


async def test_a_listener_is_woken_and_reconnects(identity: Database, database: FreshDatabase) -> None:
    wakes = 0

    def wake() -> None:
        nonlocal wakes
        wakes += 1

    async with identity.listen("identity_outbox", wake):
        await eventually(lambda: wakes == 1)
        await database.execute("NOTIFY identity_outbox")
        await eventually(lambda: wakes == 2)

        await _terminate(database)
        await eventually(lambda: wakes == 3)
        await database.execute("NOTIFY identity_outbox")
        await eventually(lambda: wakes == 4)


async def _impatient(database: Database, sql: str) -> None:
    """Run a statement with very short lock and statement timeouts."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL lock_timeout = '20ms'; SET LOCAL statement_timeout = '100ms'")
        await connection.execute(sql)


async def _terminate(database: FreshDatabase) -> None:
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename = 'letterhead_identity'"
    )


async def _sleeping(database: FreshDatabase) -> bool:
    rows = await database.fetch(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)'"
    )
    return bool(rows)
