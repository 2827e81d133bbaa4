"""Time that passes for one name alone: everything stored of it grows older, in one transaction."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

# Every column that holds a time of a claim, an identity or a name, so that new ones grow older as well. Keys
# and tenants are as old as they are, and what sender and the outboxes hold is not of a name's past.
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
# One call, so that all of it grows older at once. The lock is the one that identity takes for a name.
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
    """The one place where time is moved."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def prepare(self) -> None:
        """Reads from the database what there is to age."""
        updates = [
            f"UPDATE {row['tbl']} SET {', '.join(f'{each} = {each} - by' for each in row['times'])}"  # noqa: S608
            f" WHERE {OF_CLAIMS if row['by_claim'] else OF_NAMES};"
            for row in await self._pool.fetch(COLUMNS)
        ]
        await self._pool.execute(FUNCTION.format(updates="\n        ".join(updates)))

    async def begin(self, names: Sequence[str]) -> None:
        """Gives some names a time of their own."""
        await self._pool.execute(BEGIN, list(names))

    async def age(self, names: Sequence[str], by: timedelta) -> None:
        """Lets that much time pass for some names; begun anew where it got in the way of a service."""
        while True:
            try:
                await self._pool.execute(AGE, sorted(names), by)
            except asyncpg.DeadlockDetectedError:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


class OwnTime:
    """A history's own time."""

    def __init__(self, ageing: Ageing, names: Sequence[str]) -> None:
        self._ageing = ageing
        self._names = names
        self._ahead = timedelta()
        self._began = datetime.now(UTC)

    def now(self) -> datetime:
        """The time that the history has come to."""
        return datetime.now(UTC) + self._ahead

    def since(self, began: datetime) -> timedelta:
        """How much of its time has passed since a moment."""
        return self.now() - began

    def hours(self) -> float:
        """Hours since it began."""
        return self.since(self._began).total_seconds() / 3600

    async def move(self, by: timedelta) -> None:
        """Lets time pass for the names of this history."""
        await self._ageing.age(self._names, by)
        self._ahead += by
