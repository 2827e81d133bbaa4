"""Capped, jittered waits for loops that must never give up, and never fill the log while they wait."""

import asyncio
import random
from datetime import timedelta

from chassis.errors import ServiceError
from chassis.telemetry import get_logger

log = get_logger(__name__)


class Backoff:
    """Paces the tries of one loop; logs when trouble begins and when it is over, not every try."""

    def __init__(self, what: str, *, first: timedelta, cap: timedelta) -> None:
        self._what = what
        self._first = first.total_seconds()
        self._cap = cap.total_seconds()
        self._failures = 0

    def failed(self, error: BaseException) -> float:
        """Note a failure; gives the seconds to wait before the next try."""
        if self._failures == 0:
            trace = None if isinstance(error, ServiceError) else error  # ours says it all
            log.warning(
                "failing, will keep trying",
                action="trouble_began",
                what=self._what,
                error=str(error),
                exc_info=trace,
            )
        delay = min(self._cap, self._first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return delay * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, no secret

    def succeeded(self) -> None:
        """Note a success; the next failure starts from the first wait again."""
        if self._failures:
            log.info("works again", action="trouble_ended", what=self._what, failures=self._failures)
        self._failures = 0


async def wait_any(*events: asyncio.Event, timeout: float) -> None:  # noqa: ASYNC109 - it is the point
    """Return when one of the events is set, or after `timeout` seconds."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
