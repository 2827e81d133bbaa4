"""Stores messages for the events that arrive, and posts those that are due."""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from uuid import UUID

from chassis.backoff import Backoff
from chassis.batcher import Batcher
from chassis.database import Connection
from chassis.errors import ServiceError, Unavailable
from chassis.events import ReceivedEvent
from chassis.ids import uuid7, webhook_id
from chassis.periodic import PeriodicTask
from chassis.sealing import Seal
from chassis.telemetry import get_logger
from chassis.worker import LeaseLoop
from services.deliverer import events, metrics
from services.deliverer.model.messages import Answer, Attempt, Endpoint, Leased, Message, message_id
from services.deliverer.model.payloads import Domain, payload
from services.deliverer.model.schedule import pause_after
from services.deliverer.model.signatures import signed_headers
from services.deliverer.posting import Poster
from services.deliverer.store.attempts import AttemptStore
from services.deliverer.store.intake import describe_domains, endpoints_of, insert_messages
from services.deliverer.store.queue import MessageQueue
from services.deliverer.store.requests import RequestStore

log = get_logger(__name__)

IDLE = timedelta(seconds=1)
LEASE_PAUSE = timedelta(seconds=0.02)
SET_ASIDE = timedelta(seconds=5)
GAUGES_INTERVAL = timedelta(seconds=15)
STORED_AT_ONCE = 256
STORE_PAUSE = 0.01  # seconds to wait for more attempts, if the last batch had several
MOST_OPENED = 1024  # secrets kept decrypted, which takes a tenth of the time of a post
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=0.1), timedelta(seconds=1)  # of storing attempts
# An event is for the endpoints that existed when it was published, up to the difference of two clocks.
CLOCK_SKEW = timedelta(seconds=30)


async def receive(connection: Connection, received: Sequence[ReceivedEvent]) -> None:
    """Store a message for each endpoint that wants one of the events; the handler of a Consumer."""
    tenant_ids = {each.tenant_id for each in received if each.tenant_id}
    endpoints = await endpoints_of(connection, tenant_ids)
    if not endpoints:
        return
    claim_ids = {claim_id for each in received if (claim_id := events.claim_of(each))}
    domains = await describe_domains(connection, claim_ids) if claim_ids else {}
    messages = [message for each in received for message in _messages(each, endpoints, domains)]
    await insert_messages(connection, messages)
    for message in messages:
        metrics.MESSAGES.labels(message.state).inc()


class Delivery:
    """Posts messages that are due, and carries out what callers request."""

    def __init__(
        self,
        queue: MessageQueue,
        requests: RequestStore,
        attempts: AttemptStore,
        poster: Poster,
        seal: Seal,
        *,
        concurrency: int,
    ) -> None:
        self._attempts = attempts
        self._poster = poster
        self._opened = lru_cache(MOST_OPENED)(seal.open)
        self._posts = LeaseLoop(
            "posts", queue.lease, self._post, concurrency=concurrency, idle=IDLE, pause=LEASE_PAUSE
        )
        self._finished = Batcher(self._store, most=STORED_AT_ONCE, pause=STORE_PAUSE)
        self._storing = Backoff("store attempts", first=FIRST_RETRY, cap=LONGEST_RETRY)
        self._ended = asyncio.Event()
        self.wake = self._posts.wake
        self.requests = PeriodicTask("delivery requests", requests.fulfil, interval=IDLE)
        self.set_aside = PeriodicTask("messages of disabled endpoints", queue.set_aside, interval=SET_ASIDE)
        self.gauges = PeriodicTask("gauges", queue.measure, interval=GAUGES_INTERVAL)

    async def run(self, stop: asyncio.Event) -> None:
        """Post until `stop`; then finish the posts in flight and store them."""
        self._ended.clear()
        try:
            await self._posts.run(stop)
        finally:
            self._ended.set()

    async def _post(self, message: Leased) -> None:
        """Post a message once, and store what became of it."""
        if not message.retries:
            metrics.LATENCY.observe(time.time() - message.created_at.timestamp())
        started, body = time.monotonic(), message.payload.encode()
        headers = signed_headers(webhook_id(message.id), int(time.time()), body, self._secrets(message))
        answer = await self._poster.post(message.url, headers, body)
        metrics.POSTS.labels(answer.problem.lower() or f"{(answer.status or 0) // 100}xx").inc()
        await self._finished.submit(_attempt(message, answer, timedelta(seconds=time.monotonic() - started)))
        self.wake()  # for the next message of this endpoint

    async def _store(self, attempts: Sequence[Attempt]) -> Sequence[None]:
        """Store attempts, as soon as Postgres is up: whatever is not stored is posted again.

        Until then they take up the slots of further posts, and one connection of the pool.
        """
        disabled = await self._storing.retry(
            partial(self._attempts.store, attempts), self._ended, on=(ServiceError,)
        )
        if disabled is None:
            raise Unavailable("STORAGE_UNAVAILABLE", "The attempts could not be stored before the shutdown.")
        for endpoint_id, reason in disabled.items():
            metrics.DISABLED.labels(reason.lower()).inc()
            log.warning(
                "endpoint disabled",
                action="endpoint_disabled",
                endpoint_id=str(endpoint_id),
                reason=reason,
            )
        return [None] * len(attempts)

    def _secrets(self, message: Leased) -> Iterator[str]:
        """Yield the secrets that sign, the newest first."""
        yield self._opened(message.secret)
        if message.previous_secret is not None:
            yield self._opened(message.previous_secret)


def _attempt(message: Leased, answer: Answer, duration: timedelta) -> Attempt:
    pause = None
    if not answer.ok and not answer.gone:
        pause = pause_after(
            message.retries + 1,
            chance=random.random(),  # noqa: S311 - jitter, no secret
            retry_after=answer.retry_after,
        )
    return Attempt(uuid7(), message, answer, _state(answer, pause), pause, duration)


def _state(answer: Answer, pause: timedelta | None) -> str:
    if answer.ok:
        return "DELIVERED"
    if answer.gone:
        return "UNSENT"
    return "FAILED" if pause is None else "PENDING"


def _messages(
    event: ReceivedEvent, endpoints: Sequence[Endpoint], domains: Mapping[UUID, Domain]
) -> Iterator[Message]:
    published_at = _published_at(event.id) + CLOCK_SKEW
    receivers = [
        each for each in endpoints if each.tenant_id == event.tenant_id and each.created_at <= published_at
    ]
    if not receivers:
        return
    for occurrence in events.occurrences(event, domains):
        for endpoint in receivers:
            if endpoint.wants(occurrence):
                yield Message(
                    id=message_id(event.id, endpoint.id, occurrence),
                    tenant_id=endpoint.tenant_id,
                    endpoint_id=endpoint.id,
                    type=occurrence.type,
                    payload=payload(occurrence, event.time),
                    state="UNSENT" if endpoint.disabled else "PENDING",
                    occurred_at=event.time,
                )


def _published_at(time_based_id: UUID) -> datetime:
    """Return the time of a UUIDv7, or of an id that has its time."""
    return datetime.fromtimestamp((time_based_id.int >> 80) / 1000, UTC)
