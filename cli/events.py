"""Subscribes to Letterhead's events on NATS, as any other service would."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.config import Nats
from chassis.events.authorization import SUBSCRIBER
from chassis.events.stream import credentials
from chassis.events.trust import EventRejected, trusted
from cli.exit_status import EventsUnavailable

REMEMBERED = 10_000
# The pause before a lost stream or consumer is opened again.
REOPEN_SECONDS = 0.5
CLOSE_SECONDS = 5.0
OPEN_SECONDS = 10.0
RECONNECT_FOREVER: dict[str, Any] = {"max_reconnect_attempts": -1, "reconnect_time_wait": REOPEN_SECONDS}


@dataclass(frozen=True)
class Event:
    """One event: a CloudEvent whose `data` is the JSON of a message in letterhead/events/v1.

    `content` is the whole CloudEvent.
    """

    id: str
    subject: str
    resource: str
    time: str
    tenant_id: str
    data: dict[str, Any]
    content: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse a structured CloudEvent."""
        event = json.loads(body)
        return cls(
            event["id"],
            event["type"],
            event.get("subject", ""),
            event["time"],
            event.get("tenantid", ""),
            event["data"],
            event,
        )


class Tail:
    """The newest events, each once: events replayed after NATS loses its stream are recognized by id."""

    def __init__(self, client: Client, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._closed = asyncio.Event()
        self._events: OrderedDict[str, Event] = OrderedDict()
        self._arrivals: dict[str, float] = {}
        self._followers: list[asyncio.Queue[Event]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, wire: Nats, *, everything: bool = False) -> AsyncIterator[Self]:
        """Subscribe from now on, or with `everything`, from the oldest retained event."""
        client, ready = Client(), asyncio.Event()
        tail = cls(client, wire.nats_stream)
        start = DeliverPolicy.ALL if everything else DeliverPolicy.NEW
        task = asyncio.create_task(tail._listen(wire, ready, start))
        try:
            await asyncio.wait_for(ready.wait(), OPEN_SECONDS)
        except TimeoutError:
            raise EventsUnavailable(
                f"NATS does not answer or has no stream {wire.nats_stream}. "
                "Run `letterhead doctor` to find out which."
            ) from None
        else:
            yield tail
        finally:
            tail._closed.set()  # the client may swallow a cancellation while it waits for a response
            task.cancel()
            await asyncio.wait([task], timeout=CLOSE_SECONDS)
            await client.close()

    def find(self, subject: str, matches: Callable[[Event], bool] = lambda _: True) -> Event | None:
        """Return the first event of a subject that matches; None if there is none."""
        return next(
            (event for event in self._events.values() if event.subject == subject and matches(event)), None
        )

    def arrival(self, subject: str, resource: str) -> float | None:
        """Return when the first event of a subject about a resource arrived, in seconds since the epoch."""
        event = self.find(subject, lambda event: event.resource == resource)
        return self._arrivals[event.id] if event else None

    def ids(self) -> set[str]:
        """Return the ids of all events that arrived."""
        return set(self._events)

    def all(self, subject: str) -> list[Event]:
        """Return all events of a subject, in the order of arrival."""
        return [event for event in self._events.values() if event.subject == subject]

    async def follow(self) -> AsyncIterator[Event]:
        """Yield every event as it arrives."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._followers.append(queue)
        while True:
            yield await queue.get()

    async def _listen(self, wire: Nats, ready: asyncio.Event, start: DeliverPolicy) -> None:
        await self._client.connect(**credentials(wire, SUBSCRIBER), **RECONNECT_FOREVER, error_cb=hush)
        while not self._closed.is_set():
            try:
                stream = self._client.jetstream()
                made = (await stream.stream_info(self._stream)).created
                subscription = await stream.subscribe(
                    ">",
                    stream=self._stream,
                    ordered_consumer=True,
                    config=ConsumerConfig(deliver_policy=start),
                )
                ready.set()
                while not self._closed.is_set() and (await stream.stream_info(self._stream)).created == made:
                    await self._drain(subscription)
                await subscription.unsubscribe()
            except (NatsError, TimeoutError):
                await asyncio.sleep(REOPEN_SECONDS)
            start = DeliverPolicy.ALL  # replay what was missed; known events are skipped by id

    async def _drain(self, subscription: Any) -> None:
        """Process messages until none arrives for a second, or the tail is closed."""
        try:
            while not self._closed.is_set():
                self._take(await subscription.next_msg(timeout=1))
        except TimeoutError:
            return

    def _take(self, message: Msg) -> None:
        try:
            trusted(message.data, ".".join(message.subject.split(".")[-2:]))
        except EventRejected:
            return  # such as a response of NATS itself, which a request may direct to any subject
        event = Event.parse(message.data)
        if event.id in self._events:
            return
        self._events[event.id] = event
        self._arrivals[event.id] = time.time()
        if len(self._events) > REMEMBERED:
            self._arrivals.pop(self._events.popitem(last=False)[0])
        for follower in self._followers:
            follower.put_nowait(event)


async def hush(_: Exception) -> None:
    """Ignore a connection error: the client reconnects or the caller reports the failure."""
