"""Waiting on the thing itself, with a bound; the tests' only way to let time pass."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

POLL = timedelta(milliseconds=20)

T = TypeVar("T")


async def eventually(
    predicate: Callable[[], Awaitable[T] | T], within: timedelta = timedelta(seconds=10)
) -> T:
    """Calls `predicate` until what it returns is true, and returns that.

    An AssertionError in it means "not yet". Fails after `within`, saying what was seen last.
    """
    deadline = time.monotonic() + within.total_seconds()
    while True:
        try:
            seen = predicate()
            value = await seen if inspect.isawaitable(seen) else seen
            if value:
                return value
            problem = AssertionError(f"still {value!r}")
        except AssertionError as error:
            problem = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within.total_seconds():g} s: {problem}") from problem
        await asyncio.sleep(POLL.total_seconds())
