"""The partitions of a table with daily partitions, for tests."""

from tests.stores import FreshDatabase


async def partitions_of(database: FreshDatabase, table: str) -> list[str]:
    """Return the names of the daily partitions, oldest first."""
    rows = await database.fetch(
        "SELECT name::text FROM chassis.day_partitions($1::text::regclass) ORDER BY to_id", table
    )
    return [row["name"] for row in rows]


async def drop_all(database: FreshDatabase, table: str) -> None:
    """Drop all daily partitions, so that only the default one is left."""
    for name in await partitions_of(database, table):
        await database.execute(f"DROP TABLE {name}")


async def a_partition(database: FreshDatabase, table: str, *, ago: int) -> str:
    """Create the partition of the day `ago` days ago and return its name."""
    [row] = await database.fetch(
        "SELECT to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD') AS name, chassis.first_id(day)::text AS from_id,"
        " chassis.first_id(day + interval '1 day')::text AS to_id"
        " FROM (SELECT date_trunc('day', now(), 'UTC') - make_interval(days => $1) AS day) AS of",
        ago,
    )
    name = f"{table}_{row['name']}"
    bounds = f"FOR VALUES FROM ('{row['from_id']}') TO ('{row['to_id']}')"
    await database.execute(f"CREATE TABLE {name} PARTITION OF {table} {bounds}")
    return name
