"""A JetStream stream of a test's own, and what was published on it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import nats
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import NotFoundError

from chassis import config
from cli.embedded import NatsServer


@dataclass(frozen=True)
class FreshStream:
    """One stream, empty until a service makes and fills it."""

    server: NatsServer
    settings: config.Nats

    async def published(self, subject: str = ">") -> list[dict[str, Any]]:
        """The CloudEvents published so far, oldest first, whose subject (without prefix) matches."""
        connection = await nats.connect(self.server.url)
        try:
            stream = connection.jetstream()
            return await self._read(stream, self.settings.nats_subject_prefix + subject)
        except NotFoundError:
            return []  # nobody has published yet
        finally:
            await connection.close()

    async def _read(self, stream: Any, subject: str) -> list[dict[str, Any]]:
        reader = await stream.subscribe(subject, stream=self.settings.nats_stream, ordered_consumer=True)
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
async def fresh_stream(server: NatsServer) -> AsyncIterator[FreshStream]:
    """Names a stream that no other test has, and deletes it in the end."""
    name = uuid4().hex
    settings = config.Nats(nats_url=server.url, nats_stream=f"T{name}", nats_subject_prefix=f"t{name}.")
    yield FreshStream(server, settings)
    connection = await nats.connect(server.url)
    try:
        await connection.jetstream().delete_stream(settings.nats_stream)
    except NotFoundError:
        pass  # nobody made it, or the test wiped the server
    finally:
        await connection.close()
