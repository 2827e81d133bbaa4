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

from chassis.backoff import Backoff, wait_any
from chassis.database import Connection, Database
from chassis.errors import Unavailable
from chassis.events.dead_letters import DEADLY_DELIVERIES, DeadLetters
from chassis.events.envelope import ReceivedEvent
from chassis.events.stream import ACK_WAIT, RETENTION, Stream, Subscription
from chassis.events.subjects import durable
from chassis.events.tables import statements
from chassis.events.trust import EventRejected, trusted
from chassis.telemetry import get_logger

log = get_logger(__name__)
EVENTS = Counter("letterhead_events_total", "Event deliveries by outcome", ["consumer", "outcome"])

BATCH = 256
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
        self._backoff = Backoff(
            f"consumer {self._durable}", first=timedelta(seconds=0.2), cap=timedelta(seconds=2)
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`; then finish the event in progress and return the others to the stream."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweeping(stop))
            while not stop.is_set():
                try:
                    async with self._stream.subscribe(self._durable, self._subjects) as subscription:
                        self._backoff.succeeded()
                        await self._consume(subscription, stop)
                except Exception as error:  # noqa: BLE001 - a new subscription fixes any failure
                    await wait_any(stop, timeout=self._backoff.failed(error))

    async def _consume(self, subscription: Subscription, stop: asyncio.Event) -> None:
        while not stop.is_set():
            deliveries = await subscription.fetch(BATCH)
            async with self._in_progress(deliveries) as unsettled:
                await self._settle_all(deliveries, unsettled, stop)

    @asynccontextmanager
    async def _in_progress(self, deliveries: list[Msg]) -> AsyncIterator[dict[str, Msg]]:
        """Extend the ack wait of unsettled deliveries while the block runs."""
        unsettled = {delivery.reply: delivery for delivery in deliveries}

        async def extend() -> None:
            while True:
                await asyncio.sleep(ACK_WAIT.total_seconds() / 3)
                for delivery in list(unsettled.values()):
                    with suppress(nats.errors.Error):  # a redelivery is harmless: the inbox deduplicates it
                        await delivery.in_progress()

        extending = asyncio.create_task(extend())
        try:
            yield unsettled
        finally:
            extending.cancel()
            await asyncio.wait([extending])

    async def _settle_all(
        self, deliveries: Sequence[Msg], unsettled: dict[str, Msg], stop: asyncio.Event
    ) -> None:
        """Apply first deliveries together; apply redeliveries, and first ones if that failed, one by one."""
        first = [each for each in deliveries if _times(each) == 1]
        again = [each for each in deliveries if _times(each) > 1]
        together = await self._retry_unavailable(
            partial(self._applied_together, first), stop, otherwise=False
        )
        for delivery in first if together else ():
            del unsettled[delivery.reply]
            await delivery.ack()
        for delivery in [*([] if together else first), *sorted(again, key=_order)]:
            await self._settle(delivery, unsettled, stop)

    async def _settle(self, delivery: Msg, unsettled: dict[str, Msg], stop: asyncio.Event) -> None:
        """Apply or dead-letter one event, or have it redelivered."""
        delay: timedelta | None = await self._retry_unavailable(
            partial(self._applied, delivery), stop, otherwise=timedelta(0)
        )
        del unsettled[delivery.reply]
        if delay is None:
            await delivery.ack()
        else:
            await delivery.nak(delay=delay.total_seconds() or None)

    async def _retry_unavailable(
        self, work: Callable[[], Awaitable[T]], stop: asyncio.Event, *, otherwise: T
    ) -> T:
        """Run `work`, retrying while Postgres is down; return `otherwise` if stopped before it succeeds."""
        backoff = Backoff(
            f"consumer {self._durable}: events", first=timedelta(seconds=0.2), cap=timedelta(seconds=2)
        )
        while not stop.is_set():
            try:
                return await work()
            except Unavailable as error:
                await wait_any(stop, timeout=backoff.failed(error))
        return otherwise

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

    async def _applied(self, delivery: Msg) -> timedelta | None:
        """Apply or dead-letter one event; return the delay of its redelivery, or None if it is settled."""
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
                return self._retry_delays[deliveries - 1]
            await self._dead_letters.park(
                delivery.data,
                event_id=event_id,
                subject=delivery.subject,
                error=error,
                deliveries=deliveries,
            )
            self._count("refused" if isinstance(error, EventRejected) else "dead_letters")
        return None

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
        rows = await connection.fetch(self._sql.receive_events, self._name, list(by_id))
        if new := [by_id[row["event_id"]] for row in rows]:
            await self._handle(connection, new)
        return len(new)

    def _count(self, outcome: str, count: int = 1) -> None:
        EVENTS.labels(self._durable, outcome).inc(count)

    async def _sweep(self) -> None:
        """Retry dead-lettered events, and delete inbox rows and dead letters past their retention."""
        self._count("recovered", await self._dead_letters.again(self._apply_within))
        await self._dead_letters.delete_old()
        await self._database.execute(self._sql.delete_old_received, self._name, INBOX_RETENTION, SWEEP_BATCH)

    async def _sweeping(self, stop: asyncio.Event) -> None:
        backoff = Backoff(f"consumer {self._durable}: sweep", first=timedelta(seconds=1), cap=SWEEP)
        while not stop.is_set():
            try:
                await self._sweep()
            except Exception as error:  # noqa: BLE001 - a failed sweep is only late
                await wait_any(stop, timeout=backoff.failed(error))
            else:
                backoff.succeeded()
                await wait_any(stop, timeout=SWEEP.total_seconds())


def _times(delivery: Msg) -> int:
    return delivery.metadata.num_delivered


def _order(delivery: Msg) -> tuple[int, int]:
    """Return the sort key: delivery count, then sequence in a direction that alternates with the count.

    Because the direction alternates, events on both sides of one that crashes the consumer are applied.
    """
    times, sequence = _times(delivery), delivery.metadata.sequence.stream
    return times, sequence if times % 2 else -sequence
