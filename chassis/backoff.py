"""Capped exponential backoff with jitter for loops that retry forever without flooding the log."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from chassis.errors import ServiceError
from chassis.telemetry import get_logger

log = get_logger(__name__)
T = TypeVar("T")


class Backoff:
    """Backoff of one loop. Logs the first failure and the recovery, not every attempt."""

    def __init__(self, what: str, *, first: timedelta, cap: timedelta) -> None:
        self._what = what
        self._first = first.total_seconds()
        self._cap = cap.total_seconds()
        self._failures = 0

    def failed(self, error: BaseException) -> float:
        """Record a failure; returns the seconds to wait before the next attempt."""
        if self._failures == 0:
            trace = None if isinstance(error, ServiceError) else error  # our own messages need no traceback
            log.warning(
                "operation failed, retrying",
                action="retry_started",
                what=self._what,
                error=str(error),
                exc_info=trace,
            )
        delay = min(self._cap, self._first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return delay * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, no secret

    def succeeded(self) -> None:
        """Record a success and reset the delay."""
        if self._failures:
            log.info(
                "operation recovered", action="retry_recovered", what=self._what, failures=self._failures
            )
        self._failures = 0

    async def retry(
        self,
        attempt: Callable[[], Awaitable[T]],
        stop: asyncio.Event,
        *,
        on: tuple[type[Exception], ...] = (Exception,),
    ) -> T | None:
        """Return the result of the first attempt that raises none of `on`; None if `stop` is set before it.

        An attempt that lasts, such as a subscription, calls `succeeded` itself once it has begun.
        """
        while not stop.is_set():
            try:
                result = await attempt()
            except on as error:
                await wait_any(stop, timeout=self.failed(error))
            else:
                self.succeeded()
                return result
        return None


async def wait_any(*events: asyncio.Event, timeout: float) -> None:  # noqa: ASYNC109 - waiting is its purpose
    """Wait until one of the events is set, or for `timeout` seconds."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def retried(
    what: str,
    attempt: Callable[[], Awaitable[T]],
    stop: asyncio.Event,
    *,
    first: timedelta,
    cap: timedelta,
    on: tuple[type[Exception], ...] = (Exception,),
) -> T | None:
    """Return the result of the first attempt that raises none of `on`; None if `stop` is set before it."""
    return await Backoff(what, first=first, cap=cap).retry(attempt, stop, on=on)
