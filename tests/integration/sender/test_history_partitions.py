"""The history of emails is partitioned by day: created ahead, and dropped with the last email of the day."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from prometheus_client import REGISTRY

from chassis.partitions import DayPartitions
from tests.partitions import a_partition, drop_all, partitions_of
from tests.stores import FreshDatabase

TABLE = "sender.email_transitions"

# An email of $1 days ago, with two transitions.
AN_EMAIL = """
WITH email AS (
    INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, size, expires_at)
    SELECT
        chassis.first_id(now() - make_interval(days => $1)), gen_random_uuid(), gen_random_uuid(),
        '', '', 1, now()
    RETURNING id
)
INSERT INTO sender.email_transitions (id, email_id, to_state, reason, parameters)
SELECT gen_random_uuid(), id, state, 'ATTEMPT_STARTED', '{"attempt": 1}'
FROM email, unnest(ARRAY['QUEUED', 'SENT']) AS state
"""
HISTORY = """
SELECT tableoid::regclass::text AS lies_in, email_id, to_state, reason, parameters
FROM sender.email_transitions
"""


@pytest.fixture
async def days(database: FreshDatabase) -> AsyncIterator[DayPartitions]:
    async with database.open("sender") as opened:
        yield DayPartitions(opened, TABLE, retention=timedelta(0))


async def test_partitions_of_the_next_seven_days_are_created(
    database: FreshDatabase, days: DayPartitions
) -> None:
    await drop_all(database, TABLE)

    await days.rotate()
    await days.rotate()

    assert REGISTRY.get_sample_value("letterhead_partition_days_ahead", {"table": TABLE}) == 7
    assert len(await partitions_of(database, TABLE)) == 8


async def test_no_history_is_lost_when_a_partition_was_not_created_in_time(
    database: FreshDatabase, days: DayPartitions
) -> None:
    await drop_all(database, TABLE)
    for ago in (3, 0, -1):
        await database.execute(AN_EMAIL, ago)
    before = await database.fetch(HISTORY)

    await days.rotate()

    after = await database.fetch(HISTORY)
    today, tomorrow = (await partitions_of(database, TABLE))[:2]
    assert {row["lies_in"] for row in before} == {"sender.email_transitions_default"}
    assert {row["lies_in"] for row in after} == {"sender.email_transitions_default", today, tomorrow}
    assert sorted(row["email_id"] for row in after) == sorted(row["email_id"] for row in before)
    assert {(row["reason"], row["parameters"]) for row in after} == {("ATTEMPT_STARTED", '{"attempt": 1}')}


async def test_the_function_of_an_earlier_release_moves_every_column(database: FreshDatabase) -> None:
    await drop_all(database, TABLE)
    await database.execute(AN_EMAIL, 0)
    connection = await asyncpg.connect(database.url("sender"))

    made = await connection.fetchval("SELECT sender.make_email_days()")
    await connection.close()

    today, *later = await partitions_of(database, TABLE)
    rows = await database.fetch(HISTORY)
    assert (made, len(later)) == (8, 7)
    assert {(row["lies_in"], row["reason"]) for row in rows} == {(today, "ATTEMPT_STARTED")}


async def test_a_partition_is_dropped_with_the_last_email_of_its_day(
    database: FreshDatabase, days: DayPartitions
) -> None:
    await drop_all(database, TABLE)
    older, old = [await a_partition(database, TABLE, ago=ago) for ago in (100, 99)]
    for ago in (100, 99):
        await database.execute(AN_EMAIL, ago)

    await days.rotate()
    both = await partitions_of(database, TABLE)
    await database.execute(
        "DELETE FROM sender.emails WHERE id < chassis.first_id(now() - interval '99.5 days')"
    )
    await days.rotate()

    assert both[:2] == [older, old]
    assert (await partitions_of(database, TABLE))[0] == old
    assert {row["lies_in"] for row in await database.fetch(HISTORY)} == {old}


async def test_orphaned_history_in_the_default_partition_is_deleted(
    database: FreshDatabase, days: DayPartitions
) -> None:
    await drop_all(database, TABLE)
    for ago in (100, 99):
        await database.execute(AN_EMAIL, ago)
    await database.execute(
        "DELETE FROM sender.emails WHERE id < chassis.first_id(now() - interval '99.5 days')"
    )

    await days.rotate()

    assert len(await database.fetch(HISTORY)) == 2


async def test_recent_history_stays_even_without_emails(database: FreshDatabase, days: DayPartitions) -> None:
    await database.execute(AN_EMAIL, 0)
    await database.execute("DELETE FROM sender.emails")

    await days.rotate()

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

    for call in (
        "make_partitions($1::text::regclass, 7)",
        "drop_partitions($1::text::regclass, interval '0')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SELECT chassis.{call}", TABLE)
    await connection.close()
