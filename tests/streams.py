"""A JetStream stream for each test on the shared server, and access to the events published on it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import NotFoundError

from chassis import config
from chassis.events.authorization import (
    EVERYTHING,
    STREAM_MANAGER,
    SUBSCRIBER,
    Permissions,
    permissions,
)
from chassis.events.stream import credentials, open_stream
from chassis.events.subjects import CONSUMED
from cli.embedded import NatsServer
from tests.waiting import eventually

OPERATOR = "operator"  # has every permission; exists only in tests


def users_of_tests() -> Mapping[str, Permissions]:
    """Return the users of an installation, with permissions on any stream and prefix: each test has its own.

    In addition to the services' consumers there is one with which the chassis tests record events.
    """
    consumed = {**CONSUMED, STREAM_MANAGER: {"journal": ("domain.>",)}}
    return permissions("*", "*.", consumed) | {OPERATOR: EVERYTHING}


@dataclass(frozen=True)
class FreshStream:
    """One stream, empty until a service fills it."""

    server: NatsServer
    name: str
    prefix: str

    def settings(self, user: str) -> config.Nats:
        """Return the NATS settings of a service that connects as `user`."""
        mine = self.server.settings(user)
        return replace(mine, nats_stream=self.name, nats_subject_prefix=self.prefix)

    async def create(self) -> None:
        """Create the stream as its manager does."""
        async with open_stream(self.settings(STREAM_MANAGER), STREAM_MANAGER) as stream:
            await eventually(lambda: stream.connected)
            await stream.ensure()

    async def lose(self) -> None:
        """Delete the stream with its consumers, like a NATS that lost its disk."""
        async with connected(self.server, OPERATOR) as connection:
            await connection.jetstream().delete_stream(self.name)

    async def purge(self) -> None:
        """Delete all events of the stream, as `nats stream purge` does."""
        async with connected(self.server, OPERATOR) as connection:
            await connection.jetstream().purge_stream(self.name)

    async def published(self, subject: str = ">") -> list[dict[str, Any]]:
        """Return the CloudEvents published so far whose subject (without prefix) matches, oldest first."""
        async with connected(self.server, SUBSCRIBER) as connection:
            try:
                return await self._read(connection.jetstream(), self.prefix + subject)
            except NotFoundError:
                return []  # the stream was lost and does not exist again yet

    async def _read(self, stream: Any, subject: str) -> list[dict[str, Any]]:
        reader = await stream.subscribe(subject, stream=self.name, ordered_consumer=True)
        info = await reader.consumer_info()
        count = info.num_pending + info.delivered.consumer_seq  # some may already be in flight
        events: list[dict[str, Any]] = []
        while len(events) < count:
            try:
                events.append(json.loads((await reader.next_msg(timeout=1)).data))
            except NatsTimeoutError:
                break
        return events


@asynccontextmanager
async def connected(server: NatsServer, user: str) -> AsyncIterator[Client]:
    """Connect to the server as one of its users."""
    connection = await nats.connect(**credentials(server.settings(user), user))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def fresh_stream(server: NatsServer) -> AsyncIterator[FreshStream]:
    """Create a stream for one test, and delete it afterwards."""
    name = uuid4().hex
    stream = FreshStream(server, name=f"T{name}", prefix=f"t{name}.")
    await stream.create()
    yield stream
    with suppress(NotFoundError):  # the test deleted it, or wiped the server
        await stream.lose()
