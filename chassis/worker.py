"""Loop of every worker: lease due rows, process a bounded number concurrently, drain on shutdown.

The service defines which rows are due and what a step does. `claim` must lease rows by the database clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from prometheus_client import Counter

from chassis.backoff import Backoff, wait_any
from chassis.telemetry import get_logger

log = get_logger(__name__)
STEPS = Counter("letterhead_worker_steps_total", "Steps of claim loops", ["loop", "outcome"])

T = TypeVar("T")


class LeaseLoop(Generic[T]):
    """Worker loop: calls `claim(free slots)` and runs `step` on each item, at most `concurrency` at once.

    If fewer rows are due than slots are free, it sleeps for `idle` or until `wake()`. An exception in a step
    is logged; the row becomes due again when its lease expires.
    """

    def __init__(
        self,
        name: str,
        claim: Callable[[int], Awaitable[Sequence[T]]],
        step: Callable[[T], Awaitable[None]],
        *,
        concurrency: int,
        idle: timedelta,
    ) -> None:
        self._name = name
        self._claim = claim
        self._step = step
        self._concurrency = concurrency
        self._idle = idle.total_seconds()
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._backoff = Backoff(
            f"worker {name}: claim", first=timedelta(seconds=0.1), cap=timedelta(seconds=2)
        )

    def wake(self) -> None:
        """Claim due rows now instead of after `idle`, because a row was just stored."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`; then stop claiming and wait for the steps in flight."""
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                try:
                    await self._round(group, stop)
                except Exception as error:  # noqa: BLE001 - a failed claim must not end the loop
                    await wait_any(stop, timeout=self._backoff.failed(error))

    async def _round(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        self._woken.clear()
        free = self._concurrency - len(self._running)
        items = await self._claim(free)
        self._backoff.succeeded()
        for item in items:
            task = group.create_task(self._one(item))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        if len(items) < free:
            await wait_any(stop, self._woken, timeout=self._idle)
        else:
            await self._slot_or(stop)

    async def _one(self, item: T) -> None:
        try:
            await self._step(item)
        except Exception:
            STEPS.labels(self._name, "failed").inc()
            log.exception("worker step failed", action="step_failed", loop=self._name)
        else:
            STEPS.labels(self._name, "done").inc()

    async def _slot_or(self, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({*self._running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
