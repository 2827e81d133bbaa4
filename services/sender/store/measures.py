"""Gauges for operators: held and unknown email, and slowed tenants. Nothing is decided by them."""

from pathlib import Path

from prometheus_client import Gauge

from chassis.database import Database, Queries

QUERIES = Queries.load(Path(__file__).with_name("measures.sql"))
MOST = 10_000  # counting stops here, to bound its cost
WAITING = Gauge("letterhead_sender_waiting_emails", "Emails that are HELD or UNKNOWN, up to 10000", ["state"])
SLOWED = Gauge("letterhead_sender_slowed_tenants", "Tenants that are slowed down for a poor reputation")


class Measures:
    """Updates the gauges; every replica exports the same values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self) -> bool:
        """Update all gauges; return False: the work is done."""
        row = await self._database.fetchrow(*QUERIES.measure(limit=MOST))
        assert row is not None  # the statement always returns one row
        WAITING.labels("HELD").set(row["held"])
        WAITING.labels("UNKNOWN").set(row["unknown"])
        SLOWED.set(row["slowed"])
        return False
