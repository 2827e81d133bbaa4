"""Stores messages for the events that arrive, and posts those that are due."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Connection, Database
from chassis.events import ReceivedEvent
from chassis.ids import webhook_id
from chassis.periodic import PeriodicTask
from chassis.sealing import Seal
from chassis.telemetry import get_logger
from chassis.worker import LeaseLoop
from services.deliverer import events, metrics
from services.deliverer.model.messages import Answer, Endpoint, Leased, Message, message_id
from services.deliverer.model.payloads import Domain, payload
from services.deliverer.model.schedule import pause_after
from services.deliverer.model.signatures import signed_headers
from services.deliverer.posting import Poster
from services.deliverer.store.health import HealthStore
from services.deliverer.store.intake import describe_domains, endpoints_of, insert_messages
from services.deliverer.store.queue import MessageQueue, finish
from services.deliverer.store.requests import RequestStore

log = get_logger(__name__)

IDLE = timedelta(seconds=1)
SET_ASIDE = timedelta(seconds=5)
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

    def __init__(  # noqa: PLR0917 - the collaborators, always in this order
        self,
        database: Database,
        queue: MessageQueue,
        requests: RequestStore,
        health: HealthStore,
        poster: Poster,
        seal: Seal,
        *,
        concurrency: int,
    ) -> None:
        self._database = database
        self._health = health
        self._poster = poster
        self._seal = seal
        self.posts = LeaseLoop("posts", queue.lease, self._post, concurrency=concurrency, idle=IDLE)
        self.requests = PeriodicTask("delivery requests", requests.fulfil, interval=IDLE)
        self.set_aside = PeriodicTask("messages of disabled endpoints", queue.set_aside, interval=SET_ASIDE)

    async def _post(self, message: Leased) -> None:
        """Post a message once, and store what became of it."""
        if not message.retries:
            metrics.LATENCY.observe(time.time() - message.created_at.timestamp())
        started, body = time.monotonic(), message.payload.encode()
        headers = signed_headers(webhook_id(message.id), int(time.time()), body, self._secrets(message))
        answer = await self._poster.post(message.url, headers, body)
        await self._store(message, answer, timedelta(seconds=time.monotonic() - started))
        self.posts.wake()  # for the next message of this endpoint

    async def _store(self, message: Leased, answer: Answer, duration: timedelta) -> None:
        pause = None
        if not answer.ok and not answer.gone:
            pause = pause_after(
                message.retries + 1,
                chance=random.random(),  # noqa: S311 - jitter, no secret
                retry_after=answer.retry_after,
            )
        state = _state(answer, pause)
        async with self._database.transaction() as connection:
            await finish(connection, message, answer, state=state, pause=pause, duration=duration)
            disabled = await self._health.record(connection, message, answer)
        metrics.POSTS.labels(answer.problem.lower() or f"{(answer.status or 0) // 100}xx").inc()
        if disabled:
            metrics.DISABLED.labels(disabled.lower()).inc()
            log.warning(
                "endpoint disabled",
                action="endpoint_disabled",
                endpoint_id=str(message.endpoint_id),
                tenant_id=str(message.tenant_id),
                reason=disabled,
            )

    def _secrets(self, message: Leased) -> Iterator[str]:
        """Yield the secrets that sign, the newest first."""
        yield self._seal.open(message.secret)
        if message.previous_secret is not None:
            yield self._seal.open(message.previous_secret)


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
