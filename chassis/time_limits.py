"""Time limits for other parties: time in which this process is too busy to read answers does not count.

A timeout of asyncio ends an operation even if its answer arrived in time and the event loop has not come to
read it, for example because it does hundreds of TLS handshakes after a restart.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

TICK_SECONDS = 0.05
MOST_COUNTED = 1.5 * TICK_SECONDS  # of the time between two ticks, which are further apart when it is busy
LONGEST = 2  # times the limit, on the clock


class TimeLimits:
    """Limits of one length, measured in ticks of the event loop; on the clock, at most twice as long."""

    def __init__(self, length: timedelta) -> None:
        self._seconds = length.total_seconds()
        self._counted = 0.0
        self._ends: dict[asyncio.Timeout, float] = {}  # by when they end, because all have the same length

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """Raise TimeoutError when the limit has passed while the block runs."""
        async with asyncio.timeout(self._seconds * LONGEST) as timeout:
            self._ends[timeout] = self._counted + self._seconds
            try:
                yield
            finally:
                self._ends.pop(timeout, None)

    async def count(self) -> None:
        """Count time until cancelled, and end the blocks whose limit has passed."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(TICK_SECONDS)
            self._counted += min(loop.time() - before, MOST_COUNTED)
            self._end_passed(loop.time())

    def _end_passed(self, now: float) -> None:
        for timeout in [each for each, end in self._ends.items() if end <= self._counted]:
            del self._ends[timeout]
            if not timeout.expired():
                timeout.reschedule(now)


@asynccontextmanager
async def time_limits(length: timedelta) -> AsyncIterator[TimeLimits]:
    """Count time while the block runs."""
    limits = TimeLimits(length)
    counting = asyncio.create_task(limits.count())
    try:
        yield limits
    finally:
        counting.cancel()
        await asyncio.wait([counting])
