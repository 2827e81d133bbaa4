"""Micro-batching: merges concurrent requests into one call. Retries are left to the callers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Batcher that calls `work` with the items that arrived during the previous call, at most `most` at once.

    `work` returns one result per item, in order; an exception is raised to every caller in the batch. A
    single item is processed immediately. After a batch of several items, the next call waits `pause` seconds
    for more, because one large call costs less than several small ones.
    """

    def __init__(
        self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int, pause: float = 0.0
    ) -> None:
        self._work = work
        self._most = most
        self._pause = pause
        self._together = False
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Return the result of `work` for this item."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work_off())
        return await answer

    async def _work_off(self) -> None:
        while self._waiting:
            if self._together and self._pause:
                await asyncio.sleep(self._pause)
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self._together = len(batch) > 1
            await self._answer(batch)

    async def _answer(self, batch: Sequence[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - every caller of the batch gets the error
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
        else:
            for (_, answer), result in zip(batch, results, strict=True):
                if not answer.done():
                    answer.set_result(result)
