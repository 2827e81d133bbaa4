"""Slots at a shared key: an interval apart, whichever process takes them. Not for what is done in a slot."""

import asyncio
from datetime import timedelta

from chassis.backoff import wait_any
from chassis.bucket import RateBucket
from chassis.database import Database

TOLERANCE = timedelta(milliseconds=80)
TRIES = 4


class Slots:
    """Hands out the slots of one key; all who use the key must agree on the interval.

    `patience` is the longest that a caller waits. `tolerance` is how late a slot may be used; the interval
    has to have that much to spare. Of each `group`, such as the replicas of one service, one caller waits at
    a time: groups get equal shares of a busy key, however many replicas they have.
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
        """Return True when a slot of ours has come.

        Return False when none does within the patience, while another of the group waits, or at `stop`.

        A slot that a busy machine comes too late for would crowd the next one: it is left unused. Who is
        always late gets on all the same, with the fourth. Raises Unavailable while Postgres is away.
        """
        clock, stopped = asyncio.get_running_loop().time, stop or asyncio.Event()
        end = clock() + self._patience
        for _ in range(TRIES):
            asked = clock()
            wait = await self._reserve(end - asked)
            if wait is None:
                return False
            await wait_any(stopped, timeout=wait)
            if stopped.is_set() or clock() - asked - wait <= self._tolerance:
                break
        return not stopped.is_set()

    async def _reserve(self, patience: float) -> float | None:
        """Take the next slot; gives the seconds until then."""
        rate, left = 1 / self.interval.total_seconds(), timedelta(seconds=max(patience, 0))
        wait = await self._bucket.take(self._key, rate=rate, capacity=1, patience=left, group=self._group)
        return None if wait is None else wait.total_seconds()
