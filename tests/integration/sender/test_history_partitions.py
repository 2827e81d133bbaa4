"""The history of emails is partitioned by day: created ahead, and dropped with the last email of the day."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.sender.store.retention import QUERIES, Days
from tests.stores import FreshDatabase

# An email of $1 days ago, with two transitions.
AN_EMAIL = """
WITH email AS (
    INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, size, expires_at)
    SELECT
        chassis.first_id(now() - make_interval(days => $1)), gen_random_uuid(), gen_random_uuid(),
        '', '', 1, now()
    RETURNING id
)
INSERT INTO sender.email_transitions (id, email_id, to_state)
SELECT gen_random_uuid(), id, state FROM email, unnest(ARRAY['QUEUED', 'SENT']) AS state
"""
HISTORY = "SELECT tableoid::regclass::text AS lies_in, email_id, to_state FROM sender.email_transitions"


@pytest.fixture
async def days(database: FreshDatabase) -> AsyncIterator[Days]:
    async with database.open("sender") as opened:
        yield Days(opened)


async def names(database: FreshDatabase) -> list[str]:
    rows = await database.fetch("SELECT name::text FROM sender.email_days ORDER BY to_id")
    return [row["name"] for row in rows]


async def without_days(database: FreshDatabase) -> None:
    """Drop all daily partitions, so that only the default one is left."""
    for name in await names(database):
        await database.execute(f"DROP TABLE {name}")


async def a_day(database: FreshDatabase, *, ago: int) -> str:
    """Create the partition of the day `ago` days ago and return its name."""
    [row] = await database.fetch(
        "SELECT to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD') AS name, chassis.first_id(day)::text AS from_id,"
        " chassis.first_id(day + interval '1 day')::text AS to_id"
        " FROM (SELECT date_trunc('day', now(), 'UTC') - make_interval(days => $1) AS day) AS of",
        ago,
    )
    name = f"sender.email_transitions_{row['name']}"
    bounds = f"FOR VALUES FROM ('{row['from_id']}') TO ('{row['to_id']}')"
    await database.execute(f"CREATE TABLE {name} PARTITION OF sender.email_transitions {bounds}")
    return name


async def test_partitions_of_the_next_seven_days_are_created(database: FreshDatabase, days: Days) -> None:
    await without_days(database)

    await days.turn()
    await days.turn()

    async with database.open("sender") as opened:
        assert await opened.fetchval(QUERIES.days_ahead) == 7
    assert len(await names(database)) == 8


async def test_no_history_is_lost_when_a_partition_was_not_created_in_time(
    database: FreshDatabase, days: Days
) -> None:
    await without_days(database)
    for ago in (3, 0, -1):
        await database.execute(AN_EMAIL, ago)
    before = await database.fetch(HISTORY)

    await days.turn()

    after = await database.fetch(HISTORY)
    today, tomorrow = (await names(database))[:2]
    assert {row["lies_in"] for row in before} == {"sender.email_transitions_default"}
    assert {row["lies_in"] for row in after} == {"sender.email_transitions_default", today, tomorrow}
    assert sorted(row["email_id"] for row in after) == sorted(row["email_id"] for row in before)


async def test_a_partition_is_dropped_with_the_last_email_of_its_day(
    database: FreshDatabase, days: Days
) -> None:
    await without_days(database)
    older, old = await a_day(database, ago=100), await a_day(database, ago=99)
    for ago in (100, 99):
        await database.execute(AN_EMAIL, ago)

    await days.turn()
    both = await names(database)
    await database.execute(
        "DELETE FROM sender.emails WHERE id < chassis.first_id(now() - interval '99.5 days')"
    )
    await days.turn()

    assert both[:2] == [older, old]
    assert (await names(database))[0] == old
    assert {row["lies_in"] for row in await database.fetch(HISTORY)} == {old}


async def test_orphaned_history_in_the_default_partition_is_deleted(
    database: FreshDatabase, days: Days
) -> None:
    await without_days(database)
    for ago in (100, 99):
        await database.execute(AN_EMAIL, ago)
    await database.execute(
        "DELETE FROM sender.emails WHERE id < chassis.first_id(now() - interval '99.5 days')"
    )

    await days.turn()

    assert len(await database.fetch(HISTORY)) == 2


async def test_recent_history_is_kept_even_without_emails(database: FreshDatabase, days: Days) -> None:
    await database.execute(AN_EMAIL, 0)
    await database.execute("DELETE FROM sender.emails")

    await days.turn()

    assert len(await database.fetch(HISTORY)) == 2


async def test_sender_may_not_drop_or_delete_history_directly(database: FreshDatabase) -> None:
    connection = await asyncpg.connect(database.url("sender"))

    for statement in (
        "DROP TABLE sender.email_transitions_default",
        "DELETE FROM sender.email_transitions_default WHERE false",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_other_services_may_not_rotate_the_partitions(database: FreshDatabase) -> None:
    connection = await asyncpg.connect(database.url("webhooks"))

    for function in ("make_email_days", "drop_email_days"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SELECT sender.{function}()")
    await connection.close()
