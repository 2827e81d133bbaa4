"""Waits until something is so, with a bound, over any trouble that passes by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import grpc

PATIENCE = timedelta(seconds=60)
POLL_SECONDS = 0.1
# What chassis/errors.py tells a caller to ask again after.
PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)

T = TypeVar("T")


class StoryFailed(Exception):
    """Something did not go as it should; the text says what."""


async def until(what: str, look: Callable[[], Awaitable[T | None]]) -> T:
    """Looks again and again until there is something; raises StoryFailed after PATIENCE."""
    trouble = ""
    for _ in range(int(PATIENCE.total_seconds() / POLL_SECONDS)):
        try:
            if (found := await look()) is not None:
                return found
        except grpc.aio.AioRpcError as error:
            if error.code() not in PASSING:
                raise
            trouble = f" (last trouble: {error.details()})"
        await asyncio.sleep(POLL_SECONDS)
    raise StoryFailed(f"waited {PATIENCE.total_seconds():g} s in vain until {what}{trouble}")
