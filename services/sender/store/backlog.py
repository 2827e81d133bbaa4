"""The backlog that operators watch: waiting email, undelivered notices, slowed tenants. Decides nothing."""

from pathlib import Path

from chassis.database import Database, Queries
from chassis.regions import SesRegion
from services.sender.metrics import QUEUE_OLDEST, SLOWED, UNDELIVERED_NOTICES, WAITING
from services.sender.model.notices import Unsent
from services.sender.store.notices import NoticeStore

QUERIES = Queries.load(Path(__file__).with_name("backlog.sql"))
MOST = 10_000  # counting stops here, to bound its cost
# Why a notice did not reach its tenant: none was sent, or what became of the email.
UNDELIVERED = (*Unsent, "FAILED", "EXPIRED", "SUPPRESSED", "BOUNCED")


class Backlog:
    """Measures the backlog, the queue only in one region; every replica there exports the same values."""

    def __init__(self, database: Database, ses_region: SesRegion) -> None:
        self._database = database
        self._ses_region = ses_region
        self._notices = NoticeStore(database)

    async def measure(self) -> bool:
        """Update all gauges; return False: the work is done."""
        row = await self._database.fetchrow(*QUERIES.measure(limit=MOST))
        assert row is not None  # the statement always returns one row
        WAITING.labels("HELD").set(row["held"])
        WAITING.labels("UNKNOWN").set(row["unknown"])
        SLOWED.set(row["slowed"])
        oldest = await self._database.fetchval(*QUERIES.oldest_due(**self._ses_region.filter))
        QUEUE_OLDEST.labels(self._ses_region.region).set(oldest.total_seconds() if oldest else 0)
        undelivered = await self._notices.undelivered(MOST)
        for reason in UNDELIVERED:
            UNDELIVERED_NOTICES.labels(reason).set(undelivered.get(reason, 0))
        return False
