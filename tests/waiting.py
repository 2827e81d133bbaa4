"""Waiting on the thing itself, with a bound; the tests' only way to let time pass."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, overload

PATIENCE = timedelta(seconds=10)
POLL = timedelta(milliseconds=20)

T = TypeVar("T")


@overload
async def eventually(predicate: Callable[[], Awaitable[T | None]], within: timedelta = PATIENCE) -> T: ...
@overload
async def eventually(predicate: Callable[[], T | None], within: timedelta = PATIENCE) -> T: ...
async def eventually(predicate: Callable[[], Any], within: timedelta = PATIENCE) -> Any:
    """Calls `predicate`, async or not, until what it returns is true, and returns that.

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
