"""Periodic tasks that also run immediately when woken or while more work is due.

Metrics say when each task last succeeded. This shows one that fails on every attempt, and one that hangs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from prometheus_client import Gauge

from chassis.backoff import Backoff, wait_any

SUCCEEDED_AT = Gauge(
    "letterhead_task_succeeded_timestamp_seconds",
    "When a background task last succeeded; before its first success, when it was started",
    ["task"],
)
SECONDS = Gauge("letterhead_task_interval_seconds", "Time between two runs of a background task", ["task"])
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=0.2), timedelta(seconds=5)  # waits after a failed run


class PeriodicTask:
    """The loop of every background task: calls `once` while it returns True, then sleeps for `interval`.

    `wake()` ends the sleep. After a failed run it waits for `first`, then twice as long, up to `cap`.
    """

    def __init__(
        self,
        name: str,
        once: Callable[[], Awaitable[bool | None]],
        *,
        interval: timedelta,
        first: timedelta = FIRST_RETRY,
        cap: timedelta = LONGEST_RETRY,
    ) -> None:
        self._name = name
        self._once = once
        self._interval = interval.total_seconds()
        self._woken = asyncio.Event()
        self._backoff = Backoff(name, first=first, cap=cap)

    def wake(self) -> None:
        """Run now instead of after the interval."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`; a failed run is retried with backoff."""
        SECONDS.labels(self._name).set(self._interval)
        succeeded_at = SUCCEEDED_AT.labels(self._name)
        succeeded_at.set_to_current_time()
        while not stop.is_set():
            more = await self._backoff.retry(self._run_once, stop)
            succeeded_at.set_to_current_time()
            if not more:
                await wait_any(stop, self._woken, timeout=self._interval)

    async def _run_once(self) -> bool | None:
        self._woken.clear()
        return await self._once()
