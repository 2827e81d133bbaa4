"""Makes one call of what many ask for at about the same time. Not for retries: who asks decides on those."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Gathering(Generic[T, R]):
    """Calls `work` with what was asked for while the call before was under way, at most `most` at once.

    `work` gives an answer for each, in their order; what it raises is raised to all of them. Who asks alone
    waits for nobody; where several asked before, others get `pause` seconds to come: one call of many costs
    less than many calls.
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

    async def ask(self, item: T) -> R:
        """Give what `work` answers to this item."""
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
        except Exception as error:  # noqa: BLE001 - whatever it is, it is theirs
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
        else:
            for (_, answer), result in zip(batch, results, strict=True):
                if not answer.done():
                    answer.set_result(result)
