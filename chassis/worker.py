"""Loop of every worker: lease due rows, process a bounded number concurrently, drain on shutdown.

The service defines which rows are due and what a step does. `claim` must lease rows by the database clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from prometheus_client import Counter

from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger

log = get_logger(__name__)
STEPS = Counter("letterhead_worker_steps_total", "Steps of claim loops", ["loop", "outcome"])

T = TypeVar("T")


class LeaseLoop(Generic[T]):
    """Worker loop: calls `claim(free slots)` and runs `step` on each item, at most `concurrency` at once.

    If fewer rows are due than slots are free, it sleeps for `idle` or until `wake()`. It claims at most once
    per `pause`, because one claim of many rows costs less than many of few. An exception in a step is logged;
    the row becomes due again when its lease expires.
    """

    def __init__(
        self,
        name: str,
        claim: Callable[[int], Awaitable[Sequence[T]]],
        step: Callable[[T], Awaitable[None]],
        *,
        concurrency: int,
        idle: timedelta,
        pause: timedelta = timedelta(0),
    ) -> None:
        self._name = name
        self._claim = claim
        self._step = step
        self._concurrency = concurrency
        self._pause = pause.total_seconds()
        self._next_claim = 0.0  # on the event loop's clock
        self._steps: asyncio.TaskGroup
        self._running: set[asyncio.Task[None]] = set()
        self._claims = PeriodicTask(
            f"worker {name}: claim",
            self._start_due,
            interval=idle,
            first=timedelta(seconds=0.1),
            cap=timedelta(seconds=2),
        )
        self.wake = self._claims.wake  # claims due rows now, because one was just stored

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`; then stop claiming and wait for the steps in flight."""
        async with asyncio.TaskGroup() as self._steps:
            await self._claims.run(stop)

    async def _start_due(self) -> bool:
        """Start the steps that are due; if they take all slots, wait for a free one and return True."""
        loop = asyncio.get_running_loop()
        if (early := self._next_claim - loop.time()) > 0:
            await asyncio.sleep(early)
        self._next_claim = loop.time() + self._pause
        free = self._concurrency - len(self._running)
        items = await self._claim(free)
        for item in items:
            task = self._steps.create_task(self._run_step(item))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        if len(items) < free:
            return False
        await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        return True

    async def _run_step(self, item: T) -> None:
        try:
            await self._step(item)
        except Exception:
            STEPS.labels(self._name, "failed").inc()
            log.exception("worker step failed", action="step_failed", loop=self._name)
        else:
            STEPS.labels(self._name, "done").inc()
