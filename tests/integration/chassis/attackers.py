"""Whoever has stolen one user's key of NATS, or has none: what they try, and what comes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, RawStreamMsg

from chassis.events.authorization import STREAM, STREAM_MANAGER, SUBSCRIBER, inbox_prefix
from chassis.events.envelope import envelope, source_of
from chassis.events.stream import credentials, open_stream
from chassis.events.subjects import CONSUMED, INSTALLATION_WIDE, OWNERS, PUBLISHED, durable
from chassis.events.trust import EventRefused, trusted
from cli.embedded import NatsServer
from tests.streams import OPERATOR, connected
from tests.waiting import eventually

NOBODY = "nobody"  # has no key
USERS = (*PUBLISHED, SUBSCRIBER, NOBODY)
FILTERS = {
    durable(service, name): (service, subjects)
    for service, names in CONSUMED.items()
    for name, subjects in names.items()
}
ANSWER = timedelta(seconds=0.5)
HOUR = 3600.0


class Breached(Exception):
    """Something that must not succeed did; nothing further is tried."""


@dataclass
class Count:
    """What was tried, and what of it succeeded; with `stop`, the first breach ends it all."""

    stop: bool = False
    tries: int = 0
    breaches: list[str] = field(default_factory=list)

    def note(self, what: str, *, breach: bool) -> None:
        self.tries += 1
        if breach:
            self.breaches.append(what)
            if self.stop:
                raise Breached(what)


def an_event(subject: str) -> bytes:
    """An event of a subject, perfect but for who publishes it."""
    return envelope(
        {
            "id": uuid4(),
            "subject": subject,
            "source": source_of(OWNERS[subject]),
            "resource": "victim.com",
            "tenant_id": None if subject in INSTALLATION_WIDE else uuid4(),
            "data": {},
            "schema_name": "letterhead.events.v1.Forged",
            "occurred_at": datetime.now(UTC),
        }
    )


class Attacker:
    """One user's connection, used for what it is not for; without one it connects anew, without a key."""

    def __init__(self, server: NatsServer, user: str) -> None:
        self.user = user
        self.inbox = f"{inbox_prefix(user)}.loot"
        self.heard: list[Msg] = []
        self._server = server
        self._connection: Client | None = None
        self._refused = asyncio.Event()

    async def connect(self) -> None:
        options = credentials(self._server.settings(self.user), self.user)
        self._connection = await nats.connect(**options, error_cb=self._note_refusal)
        await self._connection.subscribe(self.inbox, cb=self._hear)

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()

    async def publish(self, subject: str, body: bytes | Mapping[str, Any] = b"", reply: str = "") -> None:
        """Publish, and return when the server has taken or refused it."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._refused.clear()
        if self._connection is None:
            await self._without_a_key(
                f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n"
            )
        else:
            await self._connection.publish(subject, payload, reply=reply)
            await self._connection.flush()

    async def ask(self, subject: str, body: bytes | Mapping[str, Any] = b"") -> bytes:
        """Send a request; give its answer, empty when it is refused or there is none."""
        self.heard.clear()
        await self.publish(subject, body, self.inbox)
        if self._connection:
            with suppress(AssertionError):
                await eventually(lambda: self.heard or self._refused.is_set(), within=ANSWER)
        return self.heard[0].data if self.heard else b""

    async def overhear(self, subject: str) -> list[Msg]:
        """Subscribe; whatever arrives is in the list."""
        heard: list[Msg] = []

        async def hear(message: Msg) -> None:
            heard.append(message)

        if self._connection is None:
            await self._without_a_key(f"SUB {subject} 1\r\n".encode())
        else:
            await self._connection.subscribe(subject, cb=hear)
            await self._connection.flush()
        return heard

    async def _hear(self, message: Msg) -> None:
        self.heard.append(message)

    async def _note_refusal(self, _: Exception) -> None:
        self._refused.set()

    async def _without_a_key(self, command: bytes) -> None:
        """Say it, and wait until the server has hung up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        writer.write(b'CONNECT {"verbose":false}\r\n' + command + b"PING\r\n")
        assert b"PONG" not in await asyncio.wait_for(reader.read(), 5 * ANSWER.total_seconds())
        writer.close()


class Vault:
    """The stream with a true event of each subject and every service's consumers, one delivery of each open.

    Everything that an attacker could need is known: also what to acknowledge.
    """

    def __init__(self, server: NatsServer, operator: Client, services: Mapping[str, Client]) -> None:
        self.server = server
        self.open_deliveries: dict[str, str] = {}  # what acknowledges it, by consumer
        self._services = services
        self._operator = operator.jetstream()
        self._read = 0
        self._state: dict[str, Any] = {}
        self._true: set[bytes] = set()  # what their owners published

    async def fill(self) -> None:
        for subject in OWNERS:
            await self.publish_truly(subject)
        for name, (service, subjects) in FILTERS.items():
            stream = self._services[service].jetstream()
            wanted = ConsumerConfig(
                durable_name=name,
                filter_subjects=list(subjects),
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=HOUR,
            )
            await stream.add_consumer(STREAM, wanted)
            [delivery] = await (await stream.pull_subscribe_bind(name, STREAM)).fetch(1)
            self.open_deliveries[name] = delivery.reply
        self._state, self._read = await self._look()

    async def replies_of(self, service: str) -> tuple[str, list[Msg]]:
        """Have a service wait for a reply; give the subject, and what arrives there."""
        subject, replies = f"{inbox_prefix(service)}.{uuid4().hex}", list[Msg]()

        async def receive(message: Msg) -> None:
            replies.append(message)

        await self._services[service].subscribe(subject, cb=receive)
        await self._services[service].flush()
        return subject, replies

    async def settled(self) -> None:
        """Return when every service has what was sent to it so far."""
        for each in self._services.values():
            await each.flush()

    async def publish_truly(self, subject: str) -> None:
        event = an_event(subject)
        self._true.add(event)
        await self._services[OWNERS[subject]].jetstream().publish(subject, event)

    async def breached_by(self, user: str) -> bool:
        """Whether, since the last look, anything changed that this user may not change.

        That is the stream and what it held, others' consumers, and any event of another that is believed;
        a true one may be there again, which its id tells.
        """
        state, last = await self._look()
        new = [await self._operator.get_msg(STREAM, number) for number in range(self._read + 1, last + 1)]
        may = own_consumers(user)
        changed = [name for name, now in state.items() if now != self._state.get(name) and name not in may]
        self._state, self._read = state, last
        forged = [each for each in new if each.data not in self._true and _believed(each, user)]
        return bool(changed or forged)

    async def _look(self) -> tuple[dict[str, Any], int]:
        streams = {each.config.name: each for each in await self._operator.streams_info()}
        if (info := streams.get(STREAM)) is None:
            return {"stream": "deleted"}, self._read
        state: dict[str, Any] = {
            each.name: (each.config.as_dict(), each.num_ack_pending, each.delivered)
            for each in await self._operator.consumers_info(STREAM)
            if each.name in FILTERS
        }
        state["stream"] = (
            sorted(map(str, streams)),
            info.config.as_dict(),
            info.state.first_seq,
            info.state.deleted,
        )
        return state, info.state.last_seq


def own_consumers(user: str) -> list[str]:
    return [name for name, (service, _) in FILTERS.items() if service == user]


def _believed(message: RawStreamMsg, user: str) -> bool:
    """Whether a consumer would take it for an event of a service that did not publish it."""
    subject = message.subject or ""
    try:
        trusted(message.data or b"", subject)
    except EventRefused:
        return False
    return OWNERS[subject] != user


@asynccontextmanager
async def a_vault(server: NatsServer) -> AsyncIterator[Vault]:
    """Creates the stream as its manager does, and fills it."""
    async with AsyncExitStack() as exits:
        manager = await exits.enter_async_context(
            open_stream(server.settings(STREAM_MANAGER), STREAM_MANAGER)
        )
        await eventually(lambda: manager.connected)
        await manager.ensure()
        services = {each: await exits.enter_async_context(connected(server, each)) for each in PUBLISHED}
        vault = Vault(server, await exits.enter_async_context(connected(server, OPERATOR)), services)
        await vault.fill()
        yield vault
