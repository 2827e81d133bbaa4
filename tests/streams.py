"""A JetStream stream of a test's own on the server that all share, and what was published on it."""

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

OPERATOR = "operator"  # may do everything; tests alone have such a user


def users_of_tests() -> Mapping[str, Permissions]:
    """The users of an installation, on any stream and prefix: each test has its own.

    Beside the services' consumers there is one that the tests of the chassis write down events by.
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
        """What a service that connects as `user` is given."""
        mine = self.server.settings(user)
        return replace(mine, nats_stream=self.name, nats_subject_prefix=self.prefix)

    async def create(self) -> None:
        """Creates the stream as its manager does."""
        async with open_stream(self.settings(STREAM_MANAGER), STREAM_MANAGER) as stream:
            await eventually(lambda: stream.connected)
            await stream.ensure()

    async def lose(self) -> None:
        """Deletes the stream with its consumers, as a NATS that lost its disk."""
        async with connected(self.server, OPERATOR) as connection:
            await connection.jetstream().delete_stream(self.name)

    async def published(self, subject: str = ">") -> list[dict[str, Any]]:
        """The CloudEvents published so far, oldest first, whose subject (without prefix) matches."""
        async with connected(self.server, SUBSCRIBER) as connection:
            try:
                return await self._read(connection.jetstream(), self.prefix + subject)
            except NotFoundError:
                return []  # the stream is lost, and not created again yet

    async def _read(self, stream: Any, subject: str) -> list[dict[str, Any]]:
        reader = await stream.subscribe(subject, stream=self.name, ordered_consumer=True)
        seen = await reader.consumer_info()  # some may be on their way already
        there = seen.num_pending + seen.delivered.consumer_seq
        events: list[dict[str, Any]] = []
        while len(events) < there:
            try:
                events.append(json.loads((await reader.next_msg(timeout=1)).data))
            except NatsTimeoutError:
                break
        return events


@asynccontextmanager
async def connected(server: NatsServer, user: str) -> AsyncIterator[Client]:
    """A connection of one of the server's users."""
    connection = await nats.connect(**credentials(server.settings(user), user))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def fresh_stream(server: NatsServer) -> AsyncIterator[FreshStream]:
    """Creates a stream that no other test has, and deletes it in the end."""
    name = uuid4().hex
    stream = FreshStream(server, name=f"T{name}", prefix=f"t{name}.")
    await stream.create()
    yield stream
    with suppress(NotFoundError):  # the test deleted it, or wiped the server
        await stream.lose()
