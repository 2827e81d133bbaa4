"""The JetStream stream and the connection to it; the only module that talks to NATS.

NATS may be down when a service starts or at any later time; until it is back, calls raise `Unavailable`.
"""

import asyncio
import math
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import nats.errors
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js import errors as js_errors
from prometheus_client import Gauge

from chassis import config
from chassis.backoff import Backoff
from chassis.certificates import measured_nats
from chassis.errors import Unavailable
from chassis.events.authorization import STREAM_MANAGER, inbox_prefix
from chassis.events.envelope import CONTENT_TYPE
from chassis.events.subjects import KINDS
from chassis.telemetry import get_logger

log = get_logger(__name__)
BYTES = Gauge("letterhead_stream_bytes", "Size of the stream; NaN while NATS does not answer")
LIMIT = Gauge("letterhead_stream_limit_bytes", "Maximum size of the stream; -1: no limit")
REPLICAS = Gauge(
    "letterhead_stream_replicas",
    "Replicas that the stream should have, and those that are up to date",
    ["state"],
)

RETENTION = timedelta(days=7)
DUPLICATE_WINDOW = timedelta(minutes=10)
REQUEST_TIMEOUT = timedelta(seconds=2)
CONNECT_TIMEOUT = timedelta(seconds=2)
RECONNECT_WAIT = timedelta(seconds=0.25)
PING_INTERVAL = timedelta(seconds=5)
# JetStream redelivers the events of a crashed consumer after this time; a live consumer extends it.
ACK_WAIT = timedelta(seconds=9)
FETCH_WAIT = timedelta(seconds=1)


@dataclass(frozen=True)
class Incarnation:
    """Identity of a stream, which is its creation time, and the sequences of its first and last event.

    In an empty stream the first sequence is that of the next event.
    """

    created: datetime
    last_sequence: int
    first_sequence: int

    def emptied_since(self, before: "Incarnation") -> bool:
        """Return whether all events that the stream had `before` are gone, as after a purge."""
        return before.first_sequence <= before.last_sequence < self.first_sequence


class Stream:
    """A stream on a connection that reconnects automatically.

    Only the user that manages the stream creates and changes it; other users wait until it exists.
    """

    def __init__(self, settings: config.Nats, user: str) -> None:
        self.name = settings.nats_stream
        self.use(Client())
        self._prefix = settings.nats_subject_prefix
        self._replicas = settings.nats_replicas
        self._manages = user == STREAM_MANAGER

    def use(self, client: Client) -> None:
        """Switch to another connection."""
        self._client = client
        self._jetstream = JetStreamContext(client, timeout=REQUEST_TIMEOUT.total_seconds())

    async def close(self) -> None:
        with suppress(AssertionError):  # of a client that has not begun to connect
            await self._client.close()

    @property
    def connected(self) -> bool:
        """Return whether the connection to NATS is up."""
        return self._client.is_connected

    async def ensure(self) -> Incarnation:
        """Return the stream; as its manager, create it if missing and add subjects that this release needs.

        Raises Unavailable, also while the stream does not exist and this user may not create it.
        """
        with _translated(self._client):
            try:
                info = await self._jetstream.stream_info(self.name)
            except js_errors.NotFoundError:
                info = await self._created()
            return _incarnation(await self._widened(info) if self._manages else info)

    async def incarnation(self) -> Incarnation | None:
        """Return which stream exists now, or None if it is missing. Raises Unavailable."""
        with _translated(self._client):
            try:
                return _incarnation(await self._jetstream.stream_info(self.name))
            except js_errors.NotFoundError:
                return None

    async def check(self) -> None:
        """Raise Unavailable if NATS does not answer or the stream does not exist; measure the stream."""
        info = None
        try:
            with _translated(self._client):
                info = await self._jetstream.stream_info(self.name)
        finally:
            _measure(info)

    async def publish(self, subject: str, payload: bytes, event_id: UUID, *, first: int = 0) -> int:
        """Publish one event, wait for the acknowledgement and return its sequence. Raises Unavailable.

        NATS remembers the ids of purged events, and would discard those that are published again. So an
        event that NATS has before the `first` sequence of the stream gets another id, the same in all relays.
        """
        ack = await self._publish(subject, payload, str(event_id))
        if ack.duplicate and ack.seq < first:
            ack = await self._publish(subject, payload, f"{event_id}.{first}")
        return ack.seq

    async def _publish(self, subject: str, payload: bytes, message_id: str) -> api.PubAck:
        headers = {api.Header.MSG_ID.value: message_id, "Content-Type": CONTENT_TYPE}
        with _translated(self._client):
            return await self._jetstream.publish(
                self._prefix + subject, payload, stream=self.name, headers=headers
            )

    @asynccontextmanager
    async def subscribe(self, durable: str, subjects: Sequence[str]) -> AsyncIterator["Subscription"]:
        """Subscribe to a durable pull consumer, creating it if it does not exist."""
        wanted = api.ConsumerConfig(
            durable_name=durable,
            filter_subjects=[self._prefix + subject for subject in subjects],
            deliver_policy=api.DeliverPolicy.ALL,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT.total_seconds(),
            max_deliver=-1,  # `Consumer` counts deliveries and dead-letters itself
        )
        await self.ensure()
        with _translated(self._client):
            await self._jetstream.add_consumer(self.name, wanted)
            pull = await self._jetstream.pull_subscribe_bind(consumer=durable, stream=self.name)
        try:
            yield Subscription(self._client, pull)
        finally:
            with suppress(nats.errors.Error):
                await pull.unsubscribe()

    def event_name(self, subject: str) -> str:
        """Return the name of the event that a subject carries: the subject without the prefix."""
        return subject.removeprefix(self._prefix)

    async def _created(self) -> api.StreamInfo:
        if not self._manages:
            raise _unavailable(f"stream {self.name} does not exist until {STREAM_MANAGER} creates it")
        info = await self._jetstream.add_stream(self._wanted())
        log.info("stream created", action="stream_created", stream=self.name)
        return info

    async def _widened(self, info: api.StreamInfo) -> api.StreamInfo:
        """Add the subjects of this release and keep those of others: two releases may run side by side."""
        have, wanted = info.config, self._wanted()
        wanted.subjects = sorted({*(have.subjects or ()), *(wanted.subjects or ())})
        same = sorted(have.subjects or ()) == wanted.subjects and have.num_replicas == wanted.num_replicas
        return info if same else await self._jetstream.update_stream(wanted)

    def _wanted(self) -> api.StreamConfig:
        return api.StreamConfig(
            name=self.name,
            subjects=[f"{self._prefix}{kind}.>" for kind in KINDS],
            storage=api.StorageType.FILE,
            max_age=RETENTION.total_seconds(),
            duplicate_window=DUPLICATE_WINDOW.total_seconds(),
            num_replicas=self._replicas,
        )


class Subscription:
    """A pull subscription; `fetch` waits up to a second for events."""

    def __init__(self, client: Client, pull: JetStreamContext.PullSubscription) -> None:
        self._client = client
        self._pull = pull

    async def fetch(self, batch: int) -> list[Msg]:
        """Return up to `batch` events, or none after a second; raises Unavailable if the consumer is gone."""
        with _translated(self._client):
            try:
                return await self._pull.fetch(batch, timeout=FETCH_WAIT.total_seconds())
            except TimeoutError:  # the client also raises nats.errors.TimeoutError, a subclass
                await self._pull.consumer_info()
                return []


@contextmanager
def _translated(client: Client) -> Iterator[None]:
    if not client.is_connected:  # the client would buffer the message and publish it much later
        raise _unavailable("no connection")
    try:
        yield
    except (nats.errors.Error, OSError) as error:
        raise _unavailable(repr(error)) from error


def _incarnation(info: api.StreamInfo) -> Incarnation:
    if info.created is None:
        raise nats.errors.Error("the server did not say when the stream was created")
    return Incarnation(info.created, info.state.last_seq, info.state.first_seq)


def _measure(info: api.StreamInfo | None) -> None:
    """Update the gauges of the stream; None: unknown."""
    BYTES.set(info.state.bytes if info else math.nan)
    LIMIT.set(info.config.max_bytes or -1 if info else math.nan)
    REPLICAS.labels("configured").set(info.config.num_replicas or 1 if info else math.nan)
    REPLICAS.labels("current").set(_current(info.cluster) if info else math.nan)


def _current(cluster: api.ClusterInfo | None) -> int:
    """Return how many replicas are up to date; the leader always is, and so is a server without a cluster."""
    if cluster is None:
        return 1
    followers = [each for each in cluster.replicas or () if each.current and not each.offline]
    return len(followers) + bool(cluster.leader)


def _unavailable(why: str) -> Unavailable:
    message = f"The event stream is unavailable ({why}). Letterhead retries automatically."
    return Unavailable("STORAGE_UNAVAILABLE", message, retry_after=timedelta(seconds=1))


@asynccontextmanager
async def open_stream(settings: config.Nats, user: str) -> AsyncIterator[Stream]:
    """Connect as `user` in the background, retrying until it succeeds; disconnect when the block ends."""
    stream = Stream(settings, user)
    connecting = asyncio.create_task(_stay_connected(stream, settings, user))
    try:
        yield stream
    finally:
        connecting.cancel()
        await asyncio.wait([connecting])
        await stream.close()


async def _stay_connected(stream: Stream, settings: config.Nats, user: str) -> None:
    """Connect, and reconnect whenever the client gives up, which it does when the server rejects its key."""

    async def connect() -> None:
        client, closed = Client(), asyncio.Event()
        stream.use(client)
        await client.connect(**_options(client, closed, settings, user))
        connecting.succeeded()
        log.info("connected to NATS", action="nats_connected", user=user)
        await closed.wait()
        await asyncio.sleep(RECONNECT_WAIT.total_seconds())

    connecting = Backoff("connecting to NATS", first=RECONNECT_WAIT, cap=timedelta(seconds=5))
    cancelled = asyncio.Event()  # never set: `open_stream` cancels this task
    while True:
        await connecting.retry(connect, cancelled)  # even a rejected key may be accepted later


def _options(client: Client, closed: asyncio.Event, settings: config.Nats, user: str) -> dict[str, Any]:
    logged: set[str] = set()

    async def lost() -> None:
        if not client.is_closed:
            log.warning("disconnected from NATS", action="nats_disconnected")

    async def reconnected() -> None:
        logged.clear()
        log.info("reconnected to NATS", action="nats_reconnected")

    async def closed_by_client() -> None:
        if client.last_error:
            await refused(client.last_error)
        closed.set()

    async def refused(error: Exception) -> None:
        """Log each rejection once; the client also calls this for every attempt while NATS is down."""
        if _is_rejection(error) and str(error) not in logged:
            logged.add(str(error))
            log.error("NATS rejected this user", action="nats_refused", user=user, reason=str(error))

    return {
        **credentials(settings, user),
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT.total_seconds(),
        "connect_timeout": CONNECT_TIMEOUT.total_seconds(),
        "ping_interval": PING_INTERVAL.total_seconds(),
        "disconnected_cb": lost,
        "reconnected_cb": reconnected,
        "closed_cb": closed_by_client,
        "error_cb": refused,
    }


def credentials(settings: config.Nats, user: str) -> dict[str, Any]:
    """Return the servers, credentials and TLS options for the NATS client."""
    jwt, seed, ca = settings.nats_credentials, settings.nats_seed, settings.nats_tls_ca
    return {
        "servers": [url.strip() for url in settings.nats_url.split(",")],
        "user_credentials": RawCredentials(jwt.reveal()) if jwt else None,
        "nkeys_seed_str": seed.reveal() if seed else None,
        "inbox_prefix": inbox_prefix(user),
        "tls": measured_nats(ca.reveal()) if ca else None,
        # Without it the client falls back to plaintext if the server, or an attacker, says that TLS is off.
        "tls_handshake_first": ca is not None,
    }


def _is_rejection(error: Exception) -> bool:
    return isinstance(error, ssl.SSLError) or any(
        word in str(error).lower() for word in ("authorization", "permissions violation", "authentication")
    )
