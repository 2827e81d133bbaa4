"""The one JetStream stream and the connection to it; the only module that speaks NATS.

NATS may be away when a service starts or at any time after: calls raise `Unavailable` until it is back.
"""

import asyncio
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

from chassis import config
from chassis.backoff import Backoff
from chassis.errors import Unavailable
from chassis.events.authorization import STREAM_MANAGER, inbox_prefix
from chassis.events.envelope import CONTENT_TYPE
from chassis.events.subjects import KINDS
from chassis.telemetry import get_logger

log = get_logger(__name__)

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
    """A stream on a connection that comes back by itself.

    Only the user that manages the stream creates and changes it; the others wait until it is there.
    """

    def __init__(self, settings: config.Nats, user: str) -> None:
        self.name = settings.nats_stream
        self.use(Client())
        self._prefix = settings.nats_subject_prefix
        self._replicas = settings.nats_replicas
        self._manages = user == STREAM_MANAGER

    def use(self, client: Client) -> None:
        """Go on over another connection."""
        self._client = client
        self._jetstream = JetStreamContext(client, timeout=REQUEST_TIMEOUT.total_seconds())

    async def close(self) -> None:
        await self._client.close()

    @property
    def connected(self) -> bool:
        """Whether NATS can be spoken to just now."""
        return self._client.is_connected

    async def ensure(self) -> Incarnation:
        """Find the stream; as its manager, create it if it is gone and widen it if this release needs more.

        Raises Unavailable, also while the stream does not exist and this user may not create it.
        """
        with _translated(self._client):
            try:
                info = await self._jetstream.stream_info(self.name)
            except js_errors.NotFoundError:
                info = await self._created()
            return _incarnation(await self._widened(info) if self._manages else info)

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
        """Pull from a durable consumer, creating it if it is not there."""
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

    def event_name(self, subject: str) -> str:
        """Return the name of the event that a subject carries: the subject without the prefix."""
        return subject.removeprefix(self._prefix)

    async def _created(self) -> api.StreamInfo:
        if not self._manages:
            raise _away(f"there is no stream {self.name}, and {STREAM_MANAGER} creates it")
        info = await self._jetstream.add_stream(self._wanted())
        log.info("created stream", action="stream_created", stream=self.name)
        return info

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
async def open_stream(settings: config.Nats, user: str) -> AsyncIterator[Stream]:
    """Connect as `user` in the background, however long it takes; stay connected while the block runs."""
    stream = Stream(settings, user)
    connecting = asyncio.create_task(_stay_connected(stream, settings, user))
    try:
        yield stream
    finally:
        connecting.cancel()
        await asyncio.wait([connecting])
        await stream.close()


async def _stay_connected(stream: Stream, settings: config.Nats, user: str) -> None:
    """Connect, and again whenever the client has given up: it does when the server refuses its key."""
    backoff = Backoff("connecting to NATS", first=RECONNECT_WAIT, cap=timedelta(seconds=5))
    while True:
        client, closed = Client(), asyncio.Event()
        try:
            stream.use(client)
            await client.connect(**_options(client, closed, settings, user))
        except Exception as error:  # noqa: BLE001 - it refused us: perhaps not for ever
            await asyncio.sleep(backoff.failed(error))
        else:
            backoff.succeeded()
            log.info("connected to NATS", action="nats_connected", user=user)
            await closed.wait()
            await asyncio.sleep(RECONNECT_WAIT.total_seconds())


def _options(client: Client, closed: asyncio.Event, settings: config.Nats, user: str) -> dict[str, Any]:
    refusals: set[str] = set()

    async def lost() -> None:
        if not client.is_closed:
            log.warning("NATS is away", action="nats_lost")

    async def back() -> None:
        refusals.clear()
        log.info("NATS is back", action="nats_found")

    async def given_up() -> None:
        if client.last_error:
            await refused(client.last_error)
        closed.set()

    async def refused(error: Exception) -> None:
        """Log each refusal once; every attempt while NATS is down ends here too, and says nothing new."""
        if _is_refusal(error) and str(error) not in refusals:
            refusals.add(str(error))
            log.error("NATS refused this user", action="nats_refused", user=user, reason=str(error))

    return {
        **credentials(settings, user),
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT.total_seconds(),
        "connect_timeout": CONNECT_TIMEOUT.total_seconds(),
        "ping_interval": PING_INTERVAL.total_seconds(),
        "disconnected_cb": lost,
        "reconnected_cb": back,
        "closed_cb": given_up,
        "error_cb": refused,
    }


def credentials(settings: config.Nats, user: str) -> dict[str, Any]:
    """Return where NATS is and who we are, as its client takes it."""
    jwt, seed, ca = settings.nats_credentials, settings.nats_seed, settings.nats_tls_ca
    return {
        "servers": [url.strip() for url in settings.nats_url.split(",")],
        "user_credentials": RawCredentials(jwt.reveal()) if jwt else None,
        "nkeys_seed_str": seed.reveal() if seed else None,
        "inbox_prefix": inbox_prefix(user),
        "tls": ssl.create_default_context(cadata=ca.reveal()) if ca else None,
        # Otherwise the client goes on in plain text when whoever answers says that it has no TLS.
        "tls_handshake_first": ca is not None,
    }


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, ssl.SSLError) or any(
        word in str(error).lower() for word in ("authorization", "permissions violation", "authentication")
    )
