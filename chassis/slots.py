"""Rate limiter with a fixed interval: hands out slots of a shared key to callers in any process."""

import asyncio
from datetime import timedelta

from chassis.backoff import wait_any
from chassis.bucket import RateBucket
from chassis.database import Database

TOLERANCE = timedelta(milliseconds=80)
TRIES = 4


class Slots:
    """Slots of one key; all users of a key must agree on the interval.

    `patience` is the longest that a caller waits. `tolerance` is how late a slot may be used; the interval
    must include that margin. In each `group`, such as the replicas of one service, one caller waits at a
    time, so groups get equal shares of a busy key, however many replicas they have.
    """

    def __init__(
        self,
        database: Database,
        key: str,
        interval: timedelta,
        *,
        patience: timedelta,
        tolerance: timedelta = TOLERANCE,
        group: str | None = None,
    ) -> None:
        self.interval = interval
        self._bucket = RateBucket(database)
        self._key = key
        self._patience = patience.total_seconds()
        self._tolerance = tolerance.total_seconds()
        self._group = group

    async def wait(self, stop: asyncio.Event | None = None) -> bool:
        """Wait for a slot and return True when it begins.

        Returns False if there is no slot within the patience, while another caller of the group waits, or if
        `stop` is set. If this process wakes up too late for its slot, it discards the slot, which would be
        too close to the next one, and reserves another; after four missed slots the caller proceeds anyway.
        Raises Unavailable while Postgres is down.
        """
        clock, stopped = asyncio.get_running_loop().time, stop or asyncio.Event()
        end = clock() + self._patience
        for _ in range(TRIES):
            requested_at = clock()
            wait = await self._reserve(end - requested_at)
            if wait is None:
                return False
            await wait_any(stopped, timeout=wait)
            if stopped.is_set() or clock() - requested_at - wait <= self._tolerance:
                break
        return not stopped.is_set()

    async def _reserve(self, patience: float) -> float | None:
        """Reserve the next slot and return the seconds until it begins."""
        rate, left = 1 / self.interval.total_seconds(), timedelta(seconds=max(patience, 0))
        wait = await self._bucket.take(self._key, rate=rate, capacity=1, patience=left, group=self._group)
        return None if wait is None else wait.total_seconds()
