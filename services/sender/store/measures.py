"""What operators watch: email that waits for more than its turn, and tenants slowed down. Decides nothing."""

from pathlib import Path

from prometheus_client import Gauge

from chassis.database import Database, Queries

QUERIES = Queries.load(Path(__file__).with_name("measures.sql"))
MOST = 10_000  # counting ends here; more is as bad
WAITING = Gauge("letterhead_sender_waiting_emails", "Emails that are HELD or UNKNOWN, up to 10000", ["state"])
SLOWED = Gauge("letterhead_sender_slowed_tenants", "Tenants that are slowed down for ill repute")


class Measures:
    """Takes the measures; every replica shows the same."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self) -> bool:
        """Take them all; there is never more to do at once."""
        row = await self._database.fetchrow(QUERIES.measure, MOST)
        assert row is not None  # three counts make one row
        WAITING.labels("HELD").set(row["held"])
        WAITING.labels("UNKNOWN").set(row["unknown"])
        SLOWED.set(row["slowed"])
        return False
