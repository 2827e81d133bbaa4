"""What the chassis is tried with: a service's database, a stream, and tasks that end with the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from chassis.background import supervised
from chassis.database import Database
from chassis.events import Stream, open_stream
from tests.stores import FreshDatabase
from tests.streams import FreshStream

Start = Callable[[Callable[[asyncio.Event], Awaitable[None]]], None]


@pytest.fixture
async def identity(database: FreshDatabase) -> AsyncIterator[Database]:
    """A pool as identity has it."""
    async with database.open("identity") as opened:
        yield opened


@pytest.fixture
async def wire(stream: FreshStream) -> AsyncIterator[Stream]:
    """A connection to this test's stream."""
    async with open_stream(stream.settings("identity"), "identity") as opened:
        yield opened


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Runs background tasks until the test ends."""
    stop, running = asyncio.Event(), []

    async def one(task: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        async with supervised([task], stop, drain=timedelta(seconds=10)):
            await stop.wait()

    def begin(task: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        running.append(asyncio.create_task(one(task)))

    yield begin
    stop.set()
    await asyncio.gather(*running)
