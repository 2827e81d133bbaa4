"""The backlog that operators watch: held and unknown email, and slowed tenants. Nothing is decided by it."""

from pathlib import Path

from chassis.database import Database, Queries
from services.sender.metrics import SLOWED, WAITING

QUERIES = Queries.load(Path(__file__).with_name("backlog.sql"))
MOST = 10_000  # counting stops here, to bound its cost


class Backlog:
    """Measures the backlog; every replica exports the same values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def measure(self) -> bool:
        """Update all gauges; return False: the work is done."""
        row = await self._database.fetchrow(*QUERIES.measure(limit=MOST))
        assert row is not None  # the statement always returns one row
        WAITING.labels("HELD").set(row["held"])
        WAITING.labels("UNKNOWN").set(row["unknown"])
        SLOWED.set(row["slowed"])
        return False
