"""Loops that retry: `retried` until an attempt succeeds, and periodic tasks for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Self

import pytest
from structlog.testing import capture_logs

from chassis.backoff import Backoff, retried
from chassis.periodic import PeriodicTask
from tests.waiting import eventually

SHORT, LONG = timedelta(milliseconds=1), timedelta(minutes=5)


def failing(times: int, error: Exception) -> tuple[list[int], Callable[[], Awaitable[str]]]:
    """Return an attempt that fails the first `times`, and the list of the attempts made."""
    attempts: list[int] = []

    async def attempt() -> str:
        attempts.append(len(attempts) + 1)
        if len(attempts) <= times:
            raise error
        return "done"

    return attempts, attempt


async def test_an_attempt_is_repeated_until_it_succeeds_and_the_log_has_two_lines() -> None:
    attempts, attempt = failing(3, ConnectionError("refused"))

    with capture_logs() as logs:
        assert await retried("test", attempt, asyncio.Event(), first=SHORT, cap=SHORT) == "done"

    assert attempts == [1, 2, 3, 4]
    assert [(line["action"], line["what"]) for line in logs] == [
        ("retry_started", "test"),
        ("retry_recovered", "test"),
    ]
    assert (logs[0]["error"], logs[1]["failures"]) == ("refused", 3)


async def test_other_errors_are_raised_at_once() -> None:
    attempts, attempt = failing(1, ValueError("a bug"))

    with pytest.raises(ValueError, match="a bug"):
        await retried("test", attempt, asyncio.Event(), first=SHORT, cap=SHORT, on=(ConnectionError,))

    assert attempts == [1]


async def test_nothing_is_attempted_after_stop() -> None:
    attempts, attempt = failing(0, ValueError())
    stop = asyncio.Event()
    stop.set()

    assert await retried("test", attempt, stop, first=SHORT, cap=SHORT) is None
    assert attempts == []


async def test_stop_ends_the_wait_after_a_failure() -> None:
    attempts, attempt = failing(2, ConnectionError())
    stop = asyncio.Event()
    running = asyncio.create_task(retried("test", attempt, stop, first=LONG, cap=LONG))
    await eventually(lambda: attempts)

    stop.set()

    assert await asyncio.wait_for(running, timeout=5) is None
    assert attempts == [1]


def test_the_wait_doubles_up_to_the_cap_and_starts_again_after_a_success() -> None:
    backoff = Backoff("test", first=timedelta(seconds=1), cap=timedelta(seconds=5))

    waits = [backoff.failed(ConnectionError()) for _ in range(4)]
    backoff.succeeded()
    waits.append(backoff.failed(ConnectionError()))

    assert all(0.75 * most <= wait <= most for wait, most in zip(waits, (1, 2, 4, 5, 1), strict=True))


class Runs:
    """A periodic task whose runs raise or return the given results in order, and then return False."""

    def __init__(self, *results: bool | Exception | None, interval: timedelta = LONG) -> None:
        self.left = list(results)
        self.task = PeriodicTask("test", self._once, interval=interval, first=SHORT, cap=SHORT)
        self.stop = asyncio.Event()
        self.runs = 0

    async def _once(self) -> bool | None:
        self.runs += 1
        result = self.left.pop(0) if self.left else False
        if isinstance(result, Exception):
            raise result
        return result

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.task.run(self.stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await asyncio.wait_for(self._running, timeout=5)


async def test_a_periodic_task_runs_again_at_once_while_more_is_due() -> None:
    async with Runs(True, True, None) as of:
        await eventually(lambda: of.runs == 3)
        await asyncio.sleep(0.05)
        assert of.runs == 3


async def test_a_periodic_task_retries_a_failed_run() -> None:
    async with Runs(ConnectionError(), ConnectionError(), False) as of:
        await eventually(lambda: of.runs == 3)


async def test_a_periodic_task_runs_after_its_interval_and_when_woken() -> None:
    async with Runs(interval=SHORT) as frequent:
        await eventually(lambda: frequent.runs > 3)
    async with Runs() as rare:
        await eventually(lambda: rare.runs == 1)
        rare.task.wake()
        await eventually(lambda: rare.runs == 2)
