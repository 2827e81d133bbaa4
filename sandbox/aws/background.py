"""Work that goes on after a call was answered: deliveries and notifications."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from chassis.telemetry import get_logger

_log = get_logger(__name__)


class Background:
    """Tasks that nobody awaits; one that fails is logged, and all end with the sandbox."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts the work at once."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    async def close(self) -> None:
        """Cancels what still runs and waits for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            _log.error(
                "Background work of the sandbox's AWS failed",
                action="background_failed",
                exc_info=task.exception(),
            )
