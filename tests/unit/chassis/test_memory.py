"""Bytes that concurrent work shares, and requests that give way while there are too few."""

import asyncio
from contextlib import ExitStack

from chassis.memory import CHECK_EVERY, SMALL_WITHIN, Arrivals, ByteBudget, Hold

MOST = 100
SOON = SMALL_WITHIN + 4 * CHECK_EVERY


async def started(budget: ByteBudget, size: int) -> asyncio.Task[Hold]:
    """Start to reserve bytes; return the task once it has them or waits."""
    task = asyncio.create_task(budget.reserve(size))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_who_finds_no_free_bytes_waits_until_they_are_returned() -> None:
    budget = ByteBudget(MOST)
    with await budget.reserve(70) as first:
        waiting = await started(budget, 40)
        assert not waiting.done()

        first.shrink(50)

        await asyncio.wait_for(waiting, timeout=5)


async def test_who_came_first_is_served_first_even_if_a_later_one_would_fit() -> None:
    budget = ByteBudget(MOST)
    with await budget.reserve(70) as first:
        large, small = await started(budget, 60), await started(budget, 10)
        assert not large.done()
        assert not small.done()

        first.shrink(0)

        await asyncio.wait_for(asyncio.gather(large, small), timeout=5)


async def test_one_that_wants_more_than_all_bytes_gets_all() -> None:
    budget = ByteBudget(MOST)
    with await budget.reserve(10 * MOST):
        assert not (await started(budget, 1)).done()


async def test_bytes_are_returned_when_the_block_ends_or_its_wait_is_canceled() -> None:
    budget = ByteBudget(MOST)
    with await budget.reserve(MOST):
        waiting = await started(budget, 50)
        waiting.cancel()
        await asyncio.wait([waiting])

    await asyncio.wait_for(budget.reserve(MOST), timeout=5)


async def test_a_budget_that_is_free_makes_nobody_wait() -> None:
    budget = ByteBudget(MOST)
    assert (await started(budget, MOST)).done()


class Process:
    """A process with requests that arrive slowly, each named."""

    def __init__(self) -> None:
        self.used = 0
        self.rejected: list[str] = []
        self.free = 0  # bytes in use that are free, but were not returned to the system
        self.arrivals = Arrivals(MOST, used=lambda: self.used, trim=self._trim)

    def _trim(self) -> None:
        self.used -= self.free
        self.free = 0

    def arrive(self, requests: ExitStack, owner: str, name: str) -> None:
        def reject() -> None:
            self.rejected.append(name)
            self.used = 0

        requests.enter_context(self.arrivals.arriving(owner, reject))


async def test_requests_arrive_however_slowly_while_there_is_memory() -> None:
    process = Process()
    process.used = MOST
    with ExitStack() as requests:
        process.arrive(requests, "acme", "first")
        await asyncio.sleep(SOON)

    assert process.rejected == []


async def test_free_memory_is_returned_to_the_system_before_a_request_has_to_give_way() -> None:
    process = Process()
    process.used, process.free = MOST + 50, 50
    with ExitStack() as requests:
        process.arrive(requests, "acme", "first")
        await asyncio.sleep(SOON)

    assert process.rejected == []
    assert process.used == MOST


async def test_the_newest_requests_of_the_owner_with_the_most_give_way() -> None:
    process = Process()
    process.used = MOST + 1
    with ExitStack() as requests:
        process.arrive(requests, "globex", "other")
        for name in ("first", "second", "third"):
            process.arrive(requests, "acme", name)
        await asyncio.sleep(SOON)

    assert process.rejected == ["second", "third"]
    assert "other" not in process.rejected
    assert "first" not in process.rejected


async def test_a_request_that_has_arrived_is_not_rejected() -> None:
    process = Process()
    process.used = MOST + 1
    with ExitStack() as requests:
        process.arrive(requests, "acme", "first")
    await asyncio.sleep(SOON)

    assert process.rejected == []
