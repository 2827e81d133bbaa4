"""Work that continues after a call was answered: deliveries and notifications."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from chassis.telemetry import get_logger

_log = get_logger(__name__)


class Background:
    """Background tasks; a failure is logged, and all are cancelled when the sandbox ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start the work as a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    async def close(self) -> None:
        """Cancel running tasks and wait for them to end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            _log.error(
                "background task failed",
                action="background_failed",
                exc_info=task.exception(),
            )
