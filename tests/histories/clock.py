"""Simulated time per name: one transaction shifts all stored timestamps of a name into the past."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

# All timestamp columns of tables with a claim id or a name, so that new columns are included automatically.
# Tenants, API keys, links, outboxes and sender's tables are not part of a name's history.
COLUMNS = """
    SELECT c.table_schema || '.' || c.table_name AS tbl,
        array_agg(c.column_name::text ORDER BY c.column_name) AS times,
        bool_or(k.claim) AS by_claim
    FROM information_schema.columns AS c
    JOIN information_schema.tables AS t USING (table_schema, table_name)
    JOIN (
        SELECT table_schema, table_name, bool_or(column_name = 'claim_id') AS claim
        FROM information_schema.columns WHERE column_name IN ('claim_id', 'name') GROUP BY 1, 2
    ) AS k USING (table_schema, table_name)
    WHERE t.table_type = 'BASE TABLE'
        AND c.table_schema IN ('identity', 'verifier')
        AND c.table_name NOT IN ('tenants', 'api_keys', 'links')
        AND c.data_type = 'timestamp with time zone'
    GROUP BY c.table_schema, c.table_name
    ORDER BY c.table_schema DESC, c.table_name DESC
"""
OF_NAMES = "name = ANY (names)"
OF_CLAIMS = "claim_id IN (SELECT claim.id FROM identity.claims AS claim WHERE claim.name = ANY (names))"
# One function call shifts everything in one transaction. The lock is identity's name lock.
FUNCTION = """
    CREATE FUNCTION histories.age(names text[], by interval) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(name, 7131)) FROM unnest(names) AS name;
        UPDATE histories.clock SET ahead = ahead + by WHERE name = ANY (names);
        {updates}
    END $$
"""
BEGIN = "INSERT INTO histories.clock (name) SELECT unnest($1::text[])"
AGE = "SELECT histories.age($1, $2)"
RETRY_SECONDS = 0.05


class Ageing:
    """Shifts the stored time of names."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def prepare(self) -> None:
        """Create the function that shifts all timestamp columns found in the database."""
        updates = [
            f"UPDATE {row['tbl']} SET {', '.join(f'{each} = {each} - by' for each in row['times'])}"  # noqa: S608
            f" WHERE {OF_CLAIMS if row['by_claim'] else OF_NAMES};"
            for row in await self._pool.fetch(COLUMNS)
        ]
        await self._pool.execute(FUNCTION.format(updates="\n        ".join(updates)))

    async def begin(self, names: Sequence[str]) -> None:
        """Start a clock for each of these names."""
        await self._pool.execute(BEGIN, list(names))

    async def age(self, names: Sequence[str], by: timedelta) -> None:
        """Let time pass for some names; retry after a deadlock with a service."""
        while True:
            try:
                await self._pool.execute(AGE, sorted(names), by)
            except asyncpg.DeadlockDetectedError:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


class OwnTime:
    """The simulated time of one history."""

    def __init__(self, ageing: Ageing, names: Sequence[str]) -> None:
        self._ageing = ageing
        self._names = names
        self._ahead = timedelta()
        self._began = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the history's current time."""
        return datetime.now(UTC) + self._ahead

    def since(self, began: datetime) -> timedelta:
        """Return the history's time that has passed since `began`."""
        return self.now() - began

    def hours(self) -> float:
        """Return the hours since the history began."""
        return self.since(self._began).total_seconds() / 3600

    async def move(self, by: timedelta) -> None:
        """Let time pass for the names of this history."""
        await self._ageing.age(self._names, by)
        self._ahead += by
