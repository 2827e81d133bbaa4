"""The loop of a worker: bounded, awake when told, unharmed by failures, and drained at the end."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from chassis.worker import ClaimLoop
from tests.waiting import eventually

LONG = timedelta(minutes=5)


class Rows:
    """Due rows, as a store would hand them out."""

    def __init__(self, *rows: int) -> None:
        self.due = deque(rows)
        self.asked: list[int] = []
        self.failures = 0

    async def claim(self, limit: int) -> Sequence[int]:
        self.asked.append(limit)
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        return [self.due.popleft() for _ in range(min(limit, len(self.due)))]


@asynccontextmanager
async def running(loop: ClaimLoop[int]) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(loop.run(stop))
    yield stop
    stop.set()
    await task


async def test_all_due_rows_are_worked_on_with_a_bounded_number_at_once() -> None:
    rows, done, at_once, most = Rows(*range(20)), [], 0, 0

    async def step(row: int) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        done.append(row)

    async with running(ClaimLoop("test", rows.claim, step, concurrency=3, idle=LONG)):
        await eventually(lambda: len(done) == 20)

    assert sorted(done) == list(range(20))
    assert most <= 3
    assert max(rows.asked) <= 3


async def test_a_wake_is_enough_to_look_again() -> None:
    rows, done = Rows(), []

    async def step(row: int) -> None:
        done.append(row)

    loop = ClaimLoop("test", rows.claim, step, concurrency=3, idle=LONG)
    async with running(loop):
        await eventually(lambda: rows.asked)
        rows.due.append(7)
        loop.wake()
        await eventually(lambda: done == [7])


async def test_without_a_wake_it_looks_again_when_idle_is_over() -> None:
    rows = Rows()

    async def step(_: int) -> None: ...

    async with running(ClaimLoop("test", rows.claim, step, concurrency=3, idle=timedelta(milliseconds=5))):
        await eventually(lambda: len(rows.asked) > 3)


async def test_a_step_that_fails_and_a_claim_that_fails_do_not_end_it() -> None:
    rows, done = Rows(1, 2, 3), []
    rows.failures = 2

    async def step(row: int) -> None:
        if row == 2:
            raise ZeroDivisionError
        done.append(row)

    async with running(ClaimLoop("test", rows.claim, step, concurrency=1, idle=LONG)):
        await eventually(lambda: done == [1, 3])


async def test_the_end_waits_for_steps_in_flight_and_claims_nothing_more() -> None:
    rows, begun, go_on, done = Rows(1, 2), asyncio.Event(), asyncio.Event(), []

    async def step(row: int) -> None:
        begun.set()
        await go_on.wait()
        done.append(row)

    async with running(ClaimLoop("test", rows.claim, step, concurrency=1, idle=LONG)) as stop:
        await begun.wait()
        stop.set()
        await asyncio.sleep(0)
        go_on.set()

    assert done == [1]
    assert list(rows.due) == [2]


async def test_one_slow_step_does_not_hold_up_the_others() -> None:
    rows, go_on, done = Rows(0, *range(1, 10)), asyncio.Event(), []

    async def step(row: int) -> None:
        if row == 0:
            await go_on.wait()
        done.append(row)

    async with running(ClaimLoop("test", rows.claim, step, concurrency=2, idle=LONG)):
        await eventually(lambda: done == list(range(1, 10)))
        go_on.set()
