"""The queue of messages to post."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Database, Queries
from services.deliverer.metrics import ENDPOINTS, OLDEST_DUE
from services.deliverer.model.messages import Leased

QUERIES = Queries.load(Path(__file__).with_name("queue.sql"))

# To store the result of the longest post. After a crash, the message is posted again when its lease ends.
TIME_TO_STORE = timedelta(seconds=15)
# An endpoint that times out gets one post at a time, and later only a probe now and then.
SLOW_AFTER, CIRCUIT_AFTER = 3, 10
PROBE = timedelta(seconds=30)
FAILING = timedelta(minutes=10)  # after which an endpoint counts as failing in the metrics
BATCH = 1000


class MessageQueue:
    """Leases messages for a post that takes `longest` at most."""

    def __init__(self, database: Database, *, per_endpoint: int, longest: timedelta) -> None:
        self._database = database
        self._per_endpoint = per_endpoint
        self._lease = longest + TIME_TO_STORE

    async def lease(self, limit: int) -> list[Leased]:
        """Lease messages that are due."""
        query = QUERIES.lease_messages(
            limit=limit,
            per_endpoint=self._per_endpoint,
            slow_after=SLOW_AFTER,
            circuit_after=CIRCUIT_AFTER,
            probe=PROBE,
            lease=self._lease,
        )
        return [Leased(**row) for row in await self._database.fetch(*query)]

    async def set_aside(self) -> bool:
        """Mark messages of disabled and deleted endpoints as UNSENT; return whether there may be more."""
        tag = await self._database.execute(*QUERIES.set_aside(limit=BATCH))
        return int(tag.rpartition(" ")[2]) == BATCH

    async def measure(self) -> None:
        """Update the gauges of the queue and of the endpoints; every replica exports the same values."""
        row = await self._database.fetchrow(*QUERIES.measure(failing=FAILING))
        assert row is not None  # the statement always returns one row
        OLDEST_DUE.set(row["oldest_due"].total_seconds() if row["oldest_due"] else 0)
        ENDPOINTS.labels("active").set(row["active"])
        ENDPOINTS.labels("failing").set(row["failing"])
