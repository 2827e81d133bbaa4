"""Daily partitions are rotated by the age of their days, and only by the service that writes the table."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from prometheus_client import REGISTRY

from chassis.partitions import DAYS_AHEAD, DayPartitions
from tests.partitions import a_partition, drop_all, partitions_of
from tests.stores import FreshDatabase

TABLE = "webhooks.deliveries"
DEFAULT = f"{TABLE}_default"
# A table as a migration creates and declares it, whose days nothing but their age keeps.
DELIVERIES = """
CREATE TABLE webhooks.deliveries (id uuid PRIMARY KEY, note text NOT NULL DEFAULT '') PARTITION BY RANGE (id);
CREATE TABLE webhooks.deliveries_default PARTITION OF webhooks.deliveries DEFAULT;
INSERT INTO chassis.partitioned_tables (name) VALUES ('webhooks.deliveries');
GRANT SELECT, INSERT ON webhooks.deliveries TO letterhead_webhooks;
GRANT EXECUTE ON FUNCTION chassis.make_partitions, chassis.drop_partitions TO letterhead_webhooks;
"""
ROTATIONS = (
    "SELECT chassis.make_partitions($1::text::regclass, 7)",
    "SELECT chassis.drop_partitions($1::text::regclass, interval '0')",
)


@pytest.fixture
async def deliveries(database: FreshDatabase) -> AsyncIterator[DayPartitions]:
    """Return the partitions of a table of webhooks that are kept for 30 days, and not created yet."""
    owner = await asyncpg.connect(database.url("postgres"))
    await owner.execute(DELIVERIES)
    await owner.close()
    async with database.open("webhooks") as opened:
        yield DayPartitions(opened, TABLE, retention=timedelta(days=30))


async def a_delivery(database: FreshDatabase, note: str, *, ago: int) -> None:
    await database.execute(
        "INSERT INTO webhooks.deliveries (id, note)"
        " SELECT chassis.first_id(now() - make_interval(days => $1)), $2",
        ago,
        note,
    )


async def notes(database: FreshDatabase) -> dict[str, str]:
    """Return the partition that each row is in, by its note."""
    rows = await database.fetch("SELECT note, tableoid::regclass::text AS name FROM webhooks.deliveries")
    return {row["note"]: row["name"] for row in rows}


async def rotated(database: FreshDatabase, role: str, table: str) -> list[str]:
    """Try each function as a role, and return the errors."""
    connection = await asyncpg.connect(database.url(role))
    errors = []
    for statement in ROTATIONS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as raised:
            await connection.execute(statement, table)
        errors.append(str(raised.value))
    await connection.close()
    return errors


async def test_days_are_dropped_at_their_age_with_their_rows(
    database: FreshDatabase, deliveries: DayPartitions
) -> None:
    old, recent = [await a_partition(database, TABLE, ago=ago) for ago in (32, 29)]
    for note, ago in (("old", 32), ("recent", 29), ("old default", 40), ("recent default", 20)):
        await a_delivery(database, note, ago=ago)

    await deliveries.rotate()

    assert await notes(database) == {"recent": recent, "recent default": DEFAULT}
    assert old not in await partitions_of(database, TABLE)


async def test_rows_with_all_columns_move_from_the_default_partition_to_their_day(
    database: FreshDatabase, deliveries: DayPartitions
) -> None:
    await a_delivery(database, "today", ago=0)
    before = await notes(database)

    await deliveries.rotate()

    assert before == {"today": DEFAULT}
    assert await notes(database) == {"today": (await partitions_of(database, TABLE))[0]}


async def test_yesterday_and_later_days_stay_whatever_the_caller_asks_for(
    database: FreshDatabase, deliveries: DayPartitions
) -> None:
    await a_partition(database, TABLE, ago=1)
    await deliveries.rotate()
    for ago in (0, 1):
        await a_delivery(database, str(ago), ago=ago)
    connection = await asyncpg.connect(database.url("webhooks"))

    await connection.execute("SELECT chassis.drop_partitions($1::text::regclass, interval '-9 days')", TABLE)

    assert sorted(await notes(database)) == ["0", "1"]
    assert len(await partitions_of(database, TABLE)) == 1 + 1 + DAYS_AHEAD
    await connection.close()


async def test_partitions_are_created_for_a_month_ahead_at_most(
    database: FreshDatabase, deliveries: DayPartitions
) -> None:
    connection = await asyncpg.connect(database.url("webhooks"))

    made = await connection.fetchval("SELECT chassis.make_partitions($1::text::regclass, 1000)", TABLE)

    assert made == len(await partitions_of(database, TABLE)) == 32
    await connection.close()


async def test_days_are_of_utc_in_any_time_zone(database: FreshDatabase, deliveries: DayPartitions) -> None:
    """An owner who creates partitions manually may have another time zone than the services."""
    for zone in ("Pacific/Kiritimati", "America/New_York"):
        await drop_all(database, TABLE)
        connection = await asyncpg.connect(database.url("postgres"), server_settings={"timezone": zone})
        await connection.execute("SELECT chassis.make_partitions($1::text::regclass, 31)", TABLE)
        await connection.close()

        [bounds] = await database.fetch(
            "SELECT array_agg(from_id ORDER BY from_id) AS found, array_agg(day ORDER BY day) AS expected"
            " FROM chassis.day_partitions($1::text::regclass) WITH ORDINALITY AS p (name, from_id, to_id, n),"
            " chassis.first_id(date_trunc('day', now(), 'UTC') + (n - 1) * interval '24 hours') AS day",
            TABLE,
        )
        assert bounds["found"] == bounds["expected"]


async def test_the_gauge_counts_the_partitions_of_the_next_days(
    database: FreshDatabase, deliveries: DayPartitions
) -> None:
    await deliveries.rotate()
    ahead = REGISTRY.get_sample_value("letterhead_partition_days_ahead", {"table": TABLE})

    assert ahead == DAYS_AHEAD


@pytest.mark.usefixtures("deliveries")
async def test_a_service_cannot_rotate_the_table_of_another(database: FreshDatabase) -> None:
    """Both may call the functions, and sender may use the schema of webhooks."""
    assert (
        await rotated(database, "sender", TABLE)
        == [f"letterhead_sender may not rotate the partitions of {TABLE}"] * 2
    )
    assert (
        await rotated(database, "webhooks", "sender.email_transitions")
        == ["letterhead_webhooks may not rotate the partitions of sender.email_transitions"] * 2
    )
    assert await partitions_of(database, TABLE) == []


async def test_a_service_without_partitions_may_not_call_the_functions(database: FreshDatabase) -> None:
    for error in await rotated(database, "identity", "sender.email_transitions"):
        assert error.startswith("permission denied for function")


async def test_a_service_cannot_have_a_table_of_its_own_making_rotated(database: FreshDatabase) -> None:
    """The functions run as the owner, who must not touch a table whose checks and defaults run other code."""
    connection = await asyncpg.connect(database.url("sender"))
    await connection.execute("CREATE TEMP TABLE mine (id uuid PRIMARY KEY) PARTITION BY RANGE (id)")

    for statement in ROTATIONS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="may not rotate"):
            await connection.execute(statement, "mine")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("INSERT INTO chassis.partitioned_tables (name) VALUES ('mine')")
    await connection.close()
