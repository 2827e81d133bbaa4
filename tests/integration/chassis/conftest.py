"""Fixtures of the chassis tests: a service's database, a stream, and background tasks."""

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
    """Return a connection pool with the role of identity."""
    async with database.open("identity") as opened:
        yield opened


@pytest.fixture
async def wire(stream: FreshStream) -> AsyncIterator[Stream]:
    """Return a connection to the stream of this test."""
    async with open_stream(stream.settings("identity"), "identity") as opened:
        yield opened


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return a function that runs a background task until the test ends."""
    stop, running = asyncio.Event(), []

    async def one(task: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        async with supervised([task], stop, drain=timedelta(seconds=10)):
            await stop.wait()

    def start_task(task: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        running.append(asyncio.create_task(one(task)))

    yield start_task
    stop.set()
    await asyncio.gather(*running)
