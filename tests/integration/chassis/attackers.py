"""An attacker who has stolen the NATS key of one user, or has none: its attempts and their effects."""

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
from chassis.events.trust import EventRejected, trusted
from cli.embedded import NatsServer
from tests.streams import OPERATOR, connected
from tests.waiting import eventually

NOBODY = "nobody"  # an attacker without a key
USERS = (*PUBLISHED, SUBSCRIBER, NOBODY)
FILTERS = {
    durable(service, name): (service, subjects)
    for service, names in CONSUMED.items()
    for name, subjects in names.items()
}
ANSWER = timedelta(seconds=0.5)
HOUR = 3600.0


class Breached(Exception):
    """An attempt succeeded that must fail; ends the attack."""


@dataclass
class Count:
    """Number of attempts, and those that succeeded; with `stop`, the first breach ends the attack."""

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
    """Return an event that is valid if the owner of the subject publishes it."""
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
    """An attacker on one user's connection; NOBODY opens a connection without a key for each attempt."""

    def __init__(self, server: NatsServer, user: str) -> None:
        self.user = user
        self.inbox = f"{inbox_prefix(user)}.loot"
        self._replies: list[Msg] = []
        self._server = server
        self._connection: Client | None = None
        self._refused = asyncio.Event()

    async def connect(self) -> None:
        options = credentials(self._server.settings(self.user), self.user)
        self._connection = await nats.connect(**options, error_cb=self._note_rejection)
        await self._connection.subscribe(self.inbox, cb=self._receive)

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()

    async def publish(self, subject: str, body: bytes | Mapping[str, Any] = b"", reply: str = "") -> None:
        """Publish, and wait until the server has accepted or rejected the message."""
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
        """Send a request and return the reply, or b"" if it is rejected or there is no reply."""
        self._replies.clear()
        await self.publish(subject, body, self.inbox)
        if self._connection:
            with suppress(AssertionError):
                await eventually(lambda: self._replies or self._refused.is_set(), within=ANSWER)
        return self._replies[0].data if self._replies else b""

    async def overhear(self, subject: str) -> list[Msg]:
        """Subscribe, and return a list to which every received message is added."""
        received: list[Msg] = []

        async def receive(message: Msg) -> None:
            received.append(message)

        if self._connection is None:
            await self._without_a_key(f"SUB {subject} 1\r\n".encode())
        else:
            await self._connection.subscribe(subject, cb=receive)
            await self._connection.flush()
        return received

    async def _receive(self, message: Msg) -> None:
        self._replies.append(message)

    async def _note_rejection(self, _: Exception) -> None:
        self._refused.set()

    async def _without_a_key(self, command: bytes) -> None:
        """Send a command, and wait until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        writer.write(b'CONNECT {"verbose":false}\r\n' + command + b"PING\r\n")
        assert b"PONG" not in await asyncio.wait_for(reader.read(), 5 * ANSWER.total_seconds())
        writer.close()


class Vault:
    """The target: the stream with one valid event per subject, and every consumer with one unacked delivery.

    It exposes everything that an attacker could need, including the ack subjects.
    """

    def __init__(self, server: NatsServer, operator: Client, services: Mapping[str, Client]) -> None:
        self.server = server
        self.open_deliveries: dict[str, str] = {}  # ack subjects by consumer
        self._services = services
        self._operator = operator.jetstream()
        self._read = 0
        self._state: dict[str, Any] = {}
        self._valid: set[bytes] = set()  # events published by their owners

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
        self._state, self._read = await self._snapshot()

    async def replies_of(self, service: str) -> tuple[str, list[Msg]]:
        """Subscribe a service to a reply subject; return the subject and a list of what arrives there."""
        subject, replies = f"{inbox_prefix(service)}.{uuid4().hex}", list[Msg]()

        async def receive(message: Msg) -> None:
            replies.append(message)

        await self._services[service].subscribe(subject, cb=receive)
        await self._services[service].flush()
        return subject, replies

    async def settled(self) -> None:
        """Wait until every service has received what was sent to it so far."""
        for each in self._services.values():
            await each.flush()

    async def publish_truly(self, subject: str) -> None:
        event = an_event(subject)
        self._valid.add(event)
        await self._services[OWNERS[subject]].jetstream().publish(subject, event)

    async def breached_by(self, user: str) -> bool:
        """Return whether anything changed since the last call that this user may not change.

        That is the stream and its messages, consumers of others, and new events that a consumer would accept
        from another service. A copy of a valid event is allowed, because consumers deduplicate it by id.
        """
        state, last = await self._snapshot()
        new = [await self._operator.get_msg(STREAM, number) for number in range(self._read + 1, last + 1)]
        may = own_consumers(user)
        changed = [name for name, now in state.items() if now != self._state.get(name) and name not in may]
        self._state, self._read = state, last
        forged = [each for each in new if each.data not in self._valid and _accepted(each, user)]
        return bool(changed or forged)

    async def _snapshot(self) -> tuple[dict[str, Any], int]:
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


def _accepted(message: RawStreamMsg, user: str) -> bool:
    """Return whether a consumer would accept the message as an event of a service other than `user`."""
    subject = message.subject or ""
    try:
        trusted(message.data or b"", subject)
    except EventRejected:
        return False
    return OWNERS[subject] != user


@asynccontextmanager
async def a_vault(server: NatsServer) -> AsyncIterator[Vault]:
    """Create the stream as its manager does, and fill it."""
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
