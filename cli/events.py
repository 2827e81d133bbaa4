"""Listens to Letterhead's events on NATS, as any other service would."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.config import Nats
from chassis.events.authorization import SUBSCRIBER
from chassis.events.stream import credentials
from chassis.events.trust import EventRefused, trusted

REMEMBERED = 10_000
# How long until a lost stream or consumer is asked for again.
REOPEN_SECONDS = 0.5
CLOSE_SECONDS = 5.0
OPEN_SECONDS = 10.0
STUBBORNLY: dict[str, Any] = {"max_reconnect_attempts": -1, "reconnect_time_wait": REOPEN_SECONDS}


class EventsAway(Exception):
    """There is nothing to listen to; the text says what to do."""


@dataclass(frozen=True)
class Event:
    """One event as it arrived: a CloudEvent whose `data` is the JSON of a message of letterhead/events/v1."""

    id: str
    subject: str
    resource: str
    time: str
    tenant_id: str
    data: dict[str, Any]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Reads a structured CloudEvent."""
        event = json.loads(body)
        return cls(
            event["id"],
            event["type"],
            event.get("subject", ""),
            event["time"],
            event.get("tenantid", ""),
            event["data"],
        )


class Tail:
    """The newest events, each once, over any loss of NATS: what is replayed is recognised by its id."""

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
        """Listens from now on, or from the oldest event kept with `everything`."""
        client, ready = Client(), asyncio.Event()
        tail = cls(client, wire.nats_stream)
        start = DeliverPolicy.ALL if everything else DeliverPolicy.NEW
        task = asyncio.create_task(tail._listen(wire, ready, start))
        try:
            await asyncio.wait_for(ready.wait(), OPEN_SECONDS)
        except TimeoutError:
            raise EventsAway(
                f"NATS does not answer, or has no stream {wire.nats_stream} to listen to; "
                "`letterhead doctor` says which."
            ) from None
        else:
            yield tail
        finally:
            tail._closed.set()  # the client may swallow a cancellation while it waits for an answer
            task.cancel()
            await asyncio.wait([task], timeout=CLOSE_SECONDS)
            await client.close()

    def find(self, subject: str, fits: Callable[[Event], bool] = lambda _: True) -> Event | None:
        """The first event of a subject that fits."""
        return next(
            (event for event in self._events.values() if event.subject == subject and fits(event)), None
        )

    def arrival(self, subject: str, resource: str) -> float | None:
        """When the first event of a subject about a resource arrived, as seconds of the epoch."""
        event = self.find(subject, lambda event: event.resource == resource)
        return self._arrivals[event.id] if event else None

    def ids(self) -> set[str]:
        """The ids of all events that arrived."""
        return set(self._events)

    def all(self, subject: str) -> list[Event]:
        """All events of a subject, in the order of arrival."""
        return [event for event in self._events.values() if event.subject == subject]

    async def follow(self) -> AsyncIterator[Event]:
        """Every event, as it arrives."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._followers.append(queue)
        while True:
            yield await queue.get()

    async def _listen(self, wire: Nats, ready: asyncio.Event, start: DeliverPolicy) -> None:
        await self._client.connect(**credentials(wire, SUBSCRIBER), **STUBBORNLY, error_cb=hush)
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
            start = DeliverPolicy.ALL  # what was missed meanwhile comes again, and is recognised

    async def _drain(self, subscription: Any) -> None:
        """Takes what arrives, for about a second."""
        try:
            while not self._closed.is_set():
                self._take(await subscription.next_msg(timeout=1))
        except TimeoutError:
            return

    def _take(self, message: Msg) -> None:
        try:
            trusted(message.data, ".".join(message.subject.split(".")[-2:]))
        except EventRefused:
            return  # such as an answer of NATS's own, which a request may send to any subject
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
    """A lost connection is expected here, and made again."""
