"""Waiting for a condition with a timeout; the only way in which tests let time pass."""

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
    """Call `predicate`, async or not, until its result is true, and return the result.

    An AssertionError in `predicate` means "not yet". Fails after `within` with the last result or error.
    """
    deadline = time.monotonic() + within.total_seconds()
    while True:
        try:
            result = predicate()
            value = await result if inspect.isawaitable(result) else result
            if value:
                return value
            problem = AssertionError(f"last result was {value!r}")
        except AssertionError as error:
            problem = error
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {within.total_seconds():g} s: {problem}") from problem
        await asyncio.sleep(POLL.total_seconds())
