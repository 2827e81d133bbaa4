"""Consumer of events: applies each event once, in one transaction with its inbox row.

Events that arrive together are applied together. An event that fails is applied alone, redelivered with
growing delays, and dead-lettered after the fifth attempt; from then on it is retried every hour. Attempts
while Postgres is down do not count as failures.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TypeAlias, TypeVar
from uuid import UUID

import nats.errors
from nats.aio.msg import Msg
from prometheus_client import Counter

from chassis.backoff import Backoff, retried
from chassis.database import Connection, Database
from chassis.errors import Unavailable
from chassis.events.dead_letters import DEADLY_DELIVERIES, DeadLetters
from chassis.events.envelope import ReceivedEvent
from chassis.events.stream import ACK_WAIT, RETENTION, Stream
from chassis.events.subjects import durable
from chassis.events.tables import statements
from chassis.events.trust import EventRejected, trusted
from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger

log = get_logger(__name__)
EVENTS = Counter("letterhead_events_total", "Event deliveries by outcome", ["consumer", "outcome"])

BATCH = 256
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=0.2), timedelta(seconds=2)  # while Postgres or NATS is down
RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (0.2, 1, 3, 6))
SWEEP = timedelta(minutes=1)
SWEEP_BATCH = 5000
# The relay may republish an event at the end of the outbox retention; the stream then keeps it as long again.
INBOX_RETENTION = 2 * RETENTION + timedelta(days=1)

Handle: TypeAlias = Callable[[Connection, Sequence[ReceivedEvent]], Awaitable[None]]
T = TypeVar("T")


class EventError(Exception):
    """An event that repeatedly crashes its consumer."""


class Consumer:
    """A durable consumer of one service; replicas share its events.

    `handle` receives each event once and runs in the transaction of the inbox rows, so its changes and the
    rows commit together. Order is not guaranteed.
    """

    def __init__(  # noqa: PLR0917 - the collaborators, always in this order
        self,
        database: Database,
        stream: Stream,
        schema: str,
        name: str,
        subjects: Sequence[str],
        handle: Handle,
        *,
        retry_delays: Sequence[timedelta] = RETRY_DELAYS,
    ) -> None:
        self._database = database
        self._stream = stream
        self._name = name
        self._durable = durable(schema, name)
        self._subjects = subjects
        self._handle = handle
        self._retry_delays = retry_delays
        self._sql = statements(schema)
        self._dead_letters = DeadLetters(database, schema, name, self._read)
        self._subscribing = Backoff(f"consumer {self._durable}", first=FIRST_RETRY, cap=LONGEST_RETRY)
        self._sweeps = PeriodicTask(
            f"consumer {self._durable}: sweep",
            self._sweep,
            interval=SWEEP,
            first=timedelta(seconds=1),
            cap=SWEEP,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`; then finish the event in progress and return the others to the stream."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweeps.run(stop))
            # A new subscription fixes any failure of the old one.
            await self._subscribing.retry(partial(self._consume, stop), stop)

    async def _consume(self, stop: asyncio.Event) -> None:
        async with self._stream.subscribe(self._durable, self._subjects) as subscription:
            self._subscribing.succeeded()
            while not stop.is_set():
                deliveries = await subscription.fetch(BATCH)
                async with self._in_progress(deliveries) as pending:
                    await self._resolve_all(deliveries, pending, stop)

    @asynccontextmanager
    async def _in_progress(self, deliveries: list[Msg]) -> AsyncIterator[dict[str, Msg]]:
        """Extend the ack wait of pending deliveries while the block runs."""
        pending = {delivery.reply: delivery for delivery in deliveries}

        async def extend() -> None:
            while True:
                await asyncio.sleep(ACK_WAIT.total_seconds() / 3)
                for delivery in list(pending.values()):
                    with suppress(nats.errors.Error):  # a redelivery is harmless: the inbox deduplicates it
                        await delivery.in_progress()

        extending = asyncio.create_task(extend())
        try:
            yield pending
        finally:
            extending.cancel()
            await asyncio.wait([extending])

    async def _resolve_all(
        self, deliveries: Sequence[Msg], pending: dict[str, Msg], stop: asyncio.Event
    ) -> None:
        """Apply first deliveries together; apply redeliveries, and first ones if that failed, one by one."""
        first = [each for each in deliveries if _times(each) == 1]
        again = [each for each in deliveries if _times(each) > 1]
        together = await self._until_available(partial(self._applied_together, first), stop)
        for delivery in first if together else ():
            del pending[delivery.reply]
            await delivery.ack()
        for delivery in [*([] if together else first), *sorted(again, key=_order)]:
            resolve = await self._until_available(partial(self._applied, delivery), stop)
            del pending[delivery.reply]
            await (resolve or delivery.nak)()

    async def _until_available(self, work: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T | None:
        """Run `work`, retrying while Postgres is down; return None if stopped before it succeeds."""
        what = f"consumer {self._durable}: events"
        return await retried(what, work, stop, first=FIRST_RETRY, cap=LONGEST_RETRY, on=(Unavailable,))

    async def _applied_together(self, deliveries: Sequence[Msg]) -> bool:
        """Apply events in one transaction; return False if there are too few or one of them fails."""
        if len(deliveries) < 2:
            return False
        try:
            await self._apply([self._read(each.data, each.subject) for each in deliveries])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - it recurs when the events are applied one by one
            log.warning(
                "batch of events failed, applying them one by one",
                action="event_batch_failed",
                consumer=self._durable,
                events=len(deliveries),
                reason=type(error).__name__,
            )
            return False
        return True

    async def _applied(self, delivery: Msg) -> Callable[[], Awaitable[None]]:
        """Apply or dead-letter one event; return what to do then: acknowledge it, or have it redelivered."""
        deliveries = _times(delivery)
        event_id = None
        try:
            event = self._read(delivery.data, delivery.subject)
            event_id = event.id
            if deliveries > DEADLY_DELIVERIES:
                raise EventError("the consumer crashed on every delivery")
            await self._apply([event])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one failing event must not block the others
            if event_id and deliveries <= len(self._retry_delays):
                self._log_failure(event_id, deliveries, error)
                return partial(delivery.nak, delay=self._retry_delays[deliveries - 1].total_seconds())
            await self._dead_letters.add(
                delivery.data,
                event_id=event_id,
                subject=delivery.subject,
                error=error,
                deliveries=deliveries,
            )
            self._count("refused" if isinstance(error, EventRejected) else "dead_letters")
        return delivery.ack

    def _read(self, payload: bytes, subject: str) -> ReceivedEvent:
        return trusted(payload, self._stream.event_name(subject))

    def _log_failure(self, event_id: UUID, deliveries: int, error: Exception) -> None:
        self._count("failed")
        log.warning(
            "event failed, will be redelivered",
            action="event_failed",
            consumer=self._durable,
            event_id=str(event_id),
            deliveries=deliveries,
            exc_info=error,
        )

    async def _apply(self, events: Sequence[ReceivedEvent]) -> None:
        async with self._database.transaction() as connection:
            new = await self._apply_within(connection, events)
        self._count("applied", new)
        self._count("repeated", len(events) - new)

    async def _apply_within(self, connection: Connection, events: Sequence[ReceivedEvent]) -> int:
        """Apply the events that were not applied before and return their number."""
        # Always in the same order, so that concurrent transactions with the same events cannot deadlock.
        by_id = {event.id: event for event in sorted(events, key=lambda event: event.id)}
        rows = await connection.fetch(*self._sql.receive_events(consumer=self._name, event_ids=list(by_id)))
        if new := [by_id[row["event_id"]] for row in rows]:
            await self._handle(connection, new)
        return len(new)

    def _count(self, outcome: str, count: int = 1) -> None:
        EVENTS.labels(self._durable, outcome).inc(count)

    async def _sweep(self) -> None:
        """Retry dead-lettered events, and delete inbox rows and dead letters past their retention."""
        self._count("recovered", await self._dead_letters.retry(self._apply_within))
        await self._dead_letters.delete_old()
        await self._database.execute(
            *self._sql.delete_old_received(consumer=self._name, age=INBOX_RETENTION, limit=SWEEP_BATCH)
        )


def _times(delivery: Msg) -> int:
    return delivery.metadata.num_delivered


def _order(delivery: Msg) -> tuple[int, int]:
    """Return the sort key: delivery count, then sequence in a direction that alternates with the count.

    Because the direction alternates, events on both sides of one that crashes the consumer are applied.
    """
    times, sequence = _times(delivery), delivery.metadata.sequence.stream
    return times, sequence if times % 2 else -sequence
