"""Worker loop: limits concurrency, wakes on demand, survives failures, and drains on shutdown."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from chassis.worker import LeaseLoop
from tests.waiting import eventually

LONG = timedelta(minutes=5)


class Rows:
    """Due rows, claimed as from a store."""

    def __init__(self, *rows: int) -> None:
        self.due = deque(rows)
        self.limits: list[int] = []
        self.failures = 0

    async def claim(self, limit: int) -> Sequence[int]:
        self.limits.append(limit)
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        return [self.due.popleft() for _ in range(min(limit, len(self.due)))]


@asynccontextmanager
async def running(loop: LeaseLoop[int]) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(loop.run(stop))
    yield stop
    stop.set()
    await task


async def test_all_due_rows_are_processed_with_limited_concurrency() -> None:
    rows, done, at_once, most = Rows(*range(20)), [], 0, 0

    async def step(row: int) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        done.append(row)

    async with running(LeaseLoop("test", rows.claim, step, concurrency=3, idle=LONG)):
        await eventually(lambda: len(done) == 20)

    assert sorted(done) == list(range(20))
    assert most <= 3
    assert max(rows.limits) <= 3


async def test_wake_makes_the_loop_claim_again() -> None:
    rows, done = Rows(), []

    async def step(row: int) -> None:
        done.append(row)

    loop = LeaseLoop("test", rows.claim, step, concurrency=3, idle=LONG)
    async with running(loop):
        await eventually(lambda: rows.limits)
        rows.due.append(7)
        loop.wake()
        await eventually(lambda: done == [7])


async def test_the_loop_claims_again_after_the_idle_time() -> None:
    rows = Rows()

    async def step(_: int) -> None: ...

    async with running(LeaseLoop("test", rows.claim, step, concurrency=3, idle=timedelta(milliseconds=5))):
        await eventually(lambda: len(rows.limits) > 3)


async def test_failed_steps_and_claims_do_not_end_the_loop() -> None:
    rows, done = Rows(1, 2, 3), []
    rows.failures = 2

    async def step(row: int) -> None:
        if row == 2:
            raise ZeroDivisionError
        done.append(row)

    async with running(LeaseLoop("test", rows.claim, step, concurrency=1, idle=LONG)):
        await eventually(lambda: done == [1, 3])


async def test_shutdown_waits_for_steps_in_flight_and_claims_nothing_more() -> None:
    rows, started, go_on, done = Rows(1, 2), asyncio.Event(), asyncio.Event(), []

    async def step(row: int) -> None:
        started.set()
        await go_on.wait()
        done.append(row)

    async with running(LeaseLoop("test", rows.claim, step, concurrency=1, idle=LONG)) as stop:
        await started.wait()
        stop.set()
        await asyncio.sleep(0)
        go_on.set()

    assert done == [1]
    assert list(rows.due) == [2]


async def test_a_slow_step_does_not_delay_the_others() -> None:
    rows, go_on, done = Rows(0, *range(1, 10)), asyncio.Event(), []

    async def step(row: int) -> None:
        if row == 0:
            await go_on.wait()
        done.append(row)

    async with running(LeaseLoop("test", rows.claim, step, concurrency=2, idle=LONG)):
        await eventually(lambda: done == list(range(1, 10)))
        go_on.set()


async def test_rows_that_are_stored_shortly_after_another_are_claimed_together() -> None:
    rows, done = Rows(), []

    async def step(row: int) -> None:
        done.append(row)

    loop = LeaseLoop("rows", rows.claim, step, concurrency=10, idle=LONG, pause=timedelta(seconds=0.2))
    async with running(loop):
        await eventually(lambda: rows.limits)
        for row in range(5):
            rows.due.append(row)
            loop.wake()
            for _ in range(5):
                await asyncio.sleep(0)
        await eventually(lambda: len(done) == 5)

    assert len(rows.limits) <= 3
