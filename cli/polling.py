"""Polls until a condition holds, with a time limit, and ignores transient errors."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import grpc

TIMEOUT = timedelta(seconds=60)
POLL_SECONDS = 0.1
# The codes that chassis/errors.py tells callers to retry.
TRANSIENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)

T = TypeVar("T")


class DemoFailed(Exception):
    """The demo did not go as expected; the message says what failed."""


async def until(what: str, poll: Callable[[], Awaitable[T | None]]) -> T:
    """Call `poll` until it returns something; raise DemoFailed after TIMEOUT."""
    last_error = ""
    for _ in range(int(TIMEOUT.total_seconds() / POLL_SECONDS)):
        try:
            if (found := await poll()) is not None:
                return found
        except grpc.aio.AioRpcError as error:
            if error.code() not in TRANSIENT:
                raise
            last_error = f" (last error: {error.details()})"
        await asyncio.sleep(POLL_SECONDS)
    raise DemoFailed(f"Timed out after {TIMEOUT.total_seconds():g} s waiting until {what}{last_error}")
