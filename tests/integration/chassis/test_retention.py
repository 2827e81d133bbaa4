"""Retention: rows are deleted at their age in batches, and a failing rule does not stop the others."""

from datetime import timedelta
from uuid import uuid4

import pytest

from chassis.database import Database
from chassis.events import Stream
from chassis.queries import Query
from chassis.retention import BATCH, Retention, Rule
from tests.integration.chassis.conftest import Start
from tests.integration.chassis.journal import a_consumer
from tests.stores import FreshDatabase
from tests.waiting import eventually

MONTH = timedelta(days=30)
DELETE = Query("""
DELETE FROM identity.requests WHERE ctid IN (
    SELECT ctid FROM identity.requests WHERE created_at < now() - :age::interval LIMIT :limit
)
""")


async def requests(database: FreshDatabase, count: int, *, days: int) -> None:
    await database.execute(
        "INSERT INTO identity.requests"
        " (tenant_id, operation, request_id, content_hash, resource_id, created_at)"
        " SELECT gen_random_uuid(), '', n::text, '', gen_random_uuid(), now() - make_interval(days => $2)"
        " FROM generate_series(1, $1::integer) AS n",
        count,
        days,
    )


async def ages(database: FreshDatabase) -> list[int]:
    rows = await database.fetch(
        "SELECT extract(day FROM now() - created_at)::int AS age FROM identity.requests"
    )
    return [row["age"] for row in rows]


async def test_a_run_deletes_one_batch_and_returns_whether_more_rows_are_due(
    identity: Database, database: FreshDatabase
) -> None:
    await requests(database, BATCH + 1, days=31)
    await requests(database, 1, days=29)
    retention = Retention(identity, [Rule("requests", DELETE, MONTH)])

    more = [await retention.delete_old(), await retention.delete_old()]

    assert (more, await ages(database)) == ([True, False], [29])


async def test_a_failing_rule_does_not_stop_the_others(identity: Database, database: FreshDatabase) -> None:
    await requests(database, 1, days=31)
    rules = [
        Rule("broken", Query("DELETE FROM identity.claims WHERE :age AND :limit"), MONTH),
        Rule("requests", DELETE, MONTH),
    ]

    with pytest.raises(Exception, match="boolean"):
        await Retention(identity, rules).delete_old()

    assert await ages(database) == []


async def test_a_consumer_deletes_old_inbox_rows_and_dead_letters(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    for days in (14, 16):
        await database.execute(
            "INSERT INTO identity.inbox (consumer, event_id, received_at)"
            " VALUES ('journal', $1, now() - make_interval(days => $2))",
            uuid4(),
            days,
        )
    for days in (89, 91):
        await database.execute(
            "INSERT INTO identity.dead_letters"
            " (id, consumer, event_id, subject, body, error, deliveries, dead_lettered_at)"
            " VALUES ($1, 'journal', $1, '', '', '', 6, now() - make_interval(days => $2))",
            uuid4(),
            days,
        )

    start(a_consumer(identity, wire).run)

    async def only_recent_rows() -> bool:
        rows = await database.fetch(
            "SELECT extract(day FROM now() - received_at)::int AS age FROM identity.inbox"
            " UNION ALL SELECT extract(day FROM now() - dead_lettered_at)::int FROM identity.dead_letters"
        )
        return [row["age"] for row in rows] == [14, 89]

    await eventually(only_recent_rows)
