"""The one JetStream stream and the connection to it; the only module that speaks NATS.

NATS may be away when a service starts or at any time after: calls raise `Unavailable` until it is back.
"""

import asyncio
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

from chassis import config
from chassis.backoff import Backoff
from chassis.errors import Unavailable
from chassis.events.envelope import CONTENT_TYPE
from chassis.telemetry import get_logger

log = get_logger(__name__)

KINDS = (
    "domain", "tenant", "account", "email", "suppression",
    "bounce", "complaint", "delivery", "delay", "open", "click", "reject", "rendering",
)  # fmt: skip
RETENTION = timedelta(days=7)
DUPLICATE_WINDOW = timedelta(minutes=10)
REQUEST_TIMEOUT = timedelta(seconds=2)
CONNECT_TIMEOUT = timedelta(seconds=2)
RECONNECT_WAIT = timedelta(seconds=0.25)
PING_INTERVAL = timedelta(seconds=5)
# A consumer that dies gives its events back after this; a live one says that it still works.
ACK_WAIT = timedelta(seconds=9)
FETCH_WAIT = timedelta(seconds=1)


@dataclass(frozen=True)
class Incarnation:
    """Which stream it is, by its time of creation, and how far it goes."""

    created: datetime
    last_sequence: int


class Stream:
    """A stream on a connection that comes back by itself."""

    def __init__(self, client: Client, settings: config.Nats) -> None:
        self.name = settings.nats_stream
        self._client = client
        self._jetstream = JetStreamContext(client, timeout=REQUEST_TIMEOUT.total_seconds())
        self._prefix = settings.nats_subject_prefix
        self._replicas = settings.nats_replicas

    @property
    def connected(self) -> bool:
        """Whether NATS can be spoken to just now."""
        return self._client.is_connected

    async def ensure(self) -> Incarnation:
        """Make the stream if it is gone, widen it if a newer release needs more; raises Unavailable."""
        with _translated(self._client):
            try:
                info = await self._jetstream.stream_info(self.name)
            except js_errors.NotFoundError:
                info = await self._jetstream.add_stream(self._wanted())
                log.info("stream made", action="stream_created", stream=self.name)
            return _incarnation(await self._widened(info))

    async def incarnation(self) -> Incarnation | None:
        """Tell which stream is there now; None if it is gone. Raises Unavailable."""
        with _translated(self._client):
            try:
                return _incarnation(await self._jetstream.stream_info(self.name))
            except js_errors.NotFoundError:
                return None

    async def publish(self, subject: str, payload: bytes, event_id: UUID) -> int:
        """Publish one event and wait until the stream has it; gives its sequence. Raises Unavailable."""
        headers = {api.Header.MSG_ID.value: str(event_id), "Content-Type": CONTENT_TYPE}
        with _translated(self._client):
            ack = await self._jetstream.publish(
                self._prefix + subject, payload, stream=self.name, headers=headers
            )
        return ack.seq

    @asynccontextmanager
    async def subscribe(self, durable: str, subjects: Sequence[str]) -> AsyncIterator["Subscription"]:
        """Pull from a durable consumer, making it (and the stream) if it is not there."""
        wanted = api.ConsumerConfig(
            durable_name=durable,
            filter_subjects=[self._prefix + subject for subject in subjects],
            deliver_policy=api.DeliverPolicy.ALL,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT.total_seconds(),
            max_deliver=-1,  # the consumer parks by its own count
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

    async def _widened(self, info: api.StreamInfo) -> api.StreamInfo:
        """Add what this release needs and keep what another one added: both may run side by side."""
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
    """A pull subscription; `fetch` gives what is there within a second."""

    def __init__(self, client: Client, pull: JetStreamContext.PullSubscription) -> None:
        self._client = client
        self._pull = pull

    async def fetch(self, batch: int) -> list[Msg]:
        """Give up to `batch` deliveries, none after a quiet second; a lost consumer is `Unavailable` too."""
        with _translated(self._client):
            try:
                return await self._pull.fetch(batch, timeout=FETCH_WAIT.total_seconds())
            except TimeoutError:  # the client raises its own, and the plain one
                await self._pull.consumer_info()
                return []


@contextmanager
def _translated(client: Client) -> Iterator[None]:
    if not client.is_connected:  # the client would buffer, and publish much later
        raise _away("no connection")
    try:
        yield
    except (nats.errors.Error, OSError) as error:
        raise _away(repr(error)) from error


def _incarnation(info: api.StreamInfo) -> Incarnation:
    if info.created is None:
        raise nats.errors.Error("the server did not say when the stream was created")
    return Incarnation(info.created, info.state.last_seq)


def _away(why: str) -> Unavailable:
    message = f"the event stream is away ({why}); it is tried again by itself"
    return Unavailable("STORAGE_UNAVAILABLE", message, retry_after=timedelta(seconds=1))


@asynccontextmanager
async def open_stream(settings: config.Nats) -> AsyncIterator[Stream]:
    """Connect in the background, for as long as it takes, and stay connected while the block runs."""
    client = Client()
    connecting = asyncio.create_task(_connect(client, settings))
    try:
        yield Stream(client, settings)
    finally:
        connecting.cancel()
        await asyncio.wait([connecting])
        await client.close()


async def _connect(client: Client, settings: config.Nats) -> None:
    backoff = Backoff("connecting to NATS", first=RECONNECT_WAIT, cap=timedelta(seconds=5))
    while True:
        try:
            await client.connect(**_options(client, settings))
        except Exception as error:  # noqa: BLE001 - it refused us: perhaps not for ever
            await asyncio.sleep(backoff.failed(error))
        else:
            log.info("connected to NATS", action="nats_connected")
            return


def _options(client: Client, settings: config.Nats) -> dict[str, Any]:
    async def lost() -> None:
        if not client.is_closed:
            log.warning("NATS is away", action="nats_lost")

    async def back() -> None:
        log.info("NATS is back", action="nats_found")

    async def hush(_: Exception) -> None:
        """Say nothing: every single try ends here, and it is the state that counts."""

    credentials = settings.nats_credentials
    return {
        "servers": [url.strip() for url in settings.nats_url.split(",")],
        "user_credentials": RawCredentials(credentials.reveal()) if credentials else None,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT.total_seconds(),
        "connect_timeout": CONNECT_TIMEOUT.total_seconds(),
        "ping_interval": PING_INTERVAL.total_seconds(),
        "disconnected_cb": lost,
        "reconnected_cb": back,
        "error_cb": hush,
    }
