"""Background tasks of a server: restarted when they crash, drained on shutdown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeAlias

from chassis.backoff import wait_any
from chassis.telemetry import get_logger

log = get_logger(__name__)
FIRST_RESTART = 0.2
LAST_RESTART = 10.0

Background: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]


@asynccontextmanager
async def supervised(
    tasks: Sequence[Background], stop: asyncio.Event, *, drain: timedelta
) -> AsyncIterator[None]:
    """Run every task until the block ends; then set `stop` and give them `drain` before cancelling."""
    running = [asyncio.create_task(_run_with_restarts(task, stop)) for task in tasks]
    try:
        yield
    finally:
        stop.set()
        await _drained(running, drain)


async def _run_with_restarts(task: Background, stop: asyncio.Event) -> None:
    """Run one task until it returns; if it raises, log the exception and restart it with backoff."""
    delay = FIRST_RESTART
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        try:
            await task(stop)
        except Exception:  # one crashing task must not stop the other tasks or the server
            log.exception("background task crashed", action="background_crashed", task=_name(task))
        else:
            return
        if asyncio.get_running_loop().time() - started > LAST_RESTART:
            delay = FIRST_RESTART
        await wait_any(stop, timeout=delay)
        delay = min(delay * 2, LAST_RESTART)


async def _drained(running: list[asyncio.Task[None]], drain: timedelta) -> None:
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=drain.total_seconds())
    for task in late:
        task.cancel()
    if late:
        log.warning("background tasks cancelled after drain timeout", action="drain_expired", tasks=len(late))
        await asyncio.wait(late)


def _name(task: Background) -> str:
    return str(getattr(task, "__qualname__", task))
