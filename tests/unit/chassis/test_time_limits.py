"""Time limits: a party that does not answer is cut off; the slowness of this process does not count."""

import asyncio
import socket
import time
from datetime import timedelta

import pytest

from chassis.time_limits import LONGEST, time_limits

LIMIT = timedelta(seconds=0.5)
BUSY_SECONDS = 0.6


async def test_a_block_that_takes_too_long_ends() -> None:
    async with time_limits(LIMIT) as limits:
        started = time.monotonic()

        with pytest.raises(TimeoutError):
            async with limits.limited():
                await asyncio.Event().wait()

    assert LIMIT.total_seconds() * 0.9 <= time.monotonic() - started


async def test_a_block_that_ends_in_time_is_not_cut_off() -> None:
    async with time_limits(LIMIT) as limits:
        async with limits.limited():
            await asyncio.sleep(0)

        await asyncio.sleep(LIMIT.total_seconds() * 1.2)


async def test_time_in_which_the_event_loop_was_busy_does_not_count() -> None:
    """The answer arrives at once, but the event loop comes to read it only after the limit."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    async with time_limits(LIMIT) as limits, limits.limited():
        theirs.sendall(b"answer")
        for _ in range(2):
            await asyncio.sleep(0)
            time.sleep(BUSY_SECONDS)  # noqa: ASYNC251 - it blocks the event loop on purpose

        assert await reader.read(6) == b"answer"
    writer.close()
    theirs.close()


async def test_a_block_takes_at_most_twice_the_limit_however_busy_the_event_loop_is() -> None:
    async def busy() -> None:
        while True:
            await asyncio.sleep(0)
            time.sleep(0.2)  # noqa: ASYNC251 - it blocks the event loop on purpose

    hog = asyncio.create_task(busy())
    async with time_limits(LIMIT) as limits:
        started = time.monotonic()

        with pytest.raises(TimeoutError):
            async with limits.limited():
                await asyncio.Event().wait()

        seconds = time.monotonic() - started
    hog.cancel()
    assert LIMIT.total_seconds() < seconds < LIMIT.total_seconds() * LONGEST + 2
