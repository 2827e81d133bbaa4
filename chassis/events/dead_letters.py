"""Dead-letter queue of a consumer: events that could not be applied are stored and retried every hour.

The stream no longer redelivers such an event. Once an operator or a new release has fixed the cause, the next
retry applies it; there is no need to track which events were affected. Events expire after the retention.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from prometheus_client import Gauge

from chassis.database import Connection, Database, Record
from chassis.errors import Unavailable
from chassis.events.envelope import ReceivedEvent
from chassis.events.tables import statements
from chassis.ids import uuid7
from chassis.telemetry import get_logger

log = get_logger(__name__)
DEAD_LETTERS = Gauge("letterhead_dead_letters", "Events in the dead-letter queue", ["consumer"])

# A delivery that was neither acknowledged nor rejected means that its consumer crashed. After this many, the
# event is the likely cause.
DEADLY_DELIVERIES = 15
PAUSE = timedelta(hours=1)
BATCH = 256
RETENTION = timedelta(days=90)
RETENTION_BATCH = 5000
LONGEST_ERROR = 1000

Apply: TypeAlias = Callable[[Connection, Sequence[ReceivedEvent]], Awaitable[object]]
Read: TypeAlias = Callable[[bytes, str], ReceivedEvent]


class DeadLetters:
    """Dead-letter queue of one consumer of a service; its replicas share it.

    `read` parses an event's payload and subject, and raises if the event is not trusted.
    """

    def __init__(self, database: Database, schema: str, consumer: str, read: Read) -> None:
        self._database = database
        self._read = read
        self._sql = statements(schema)
        self._consumer = consumer
        self._label = f"{schema}-{consumer}"

    async def add(
        self, payload: bytes, *, event_id: UUID | None, subject: str, error: Exception, deliveries: int
    ) -> None:
        """Store a failed event; one without an id is not a Letterhead event and is never retried."""
        body = payload.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        await self._database.execute(
            *self._sql.add_dead_letter(
                id=uuid7(),
                consumer=self._consumer,
                event_id=event_id,
                subject=subject,
                body=body,
                error=_shown(error),
                deliveries=deliveries,
            )
        )
        log.error(
            "event dead-lettered",
            action="event_dead_lettered",
            consumer=self._label,
            event_id=str(event_id),
            deliveries=deliveries,
        )

    async def retry(self, apply: Apply) -> int:
        """Retry the events that are due, each in its own transaction; return how many were applied.

        Events that crash the consumer are not retried, because they would crash it again every hour.
        """
        rows = await self._database.fetch(
            *self._sql.lease_dead_letters(
                consumer=self._consumer, max_deliveries=DEADLY_DELIVERIES, pause=PAUSE, limit=BATCH
            )
        )
        applied = [await self._applied(row, apply) for row in rows]
        DEAD_LETTERS.labels(self._label).set(
            await self._database.fetchval(*self._sql.count_dead_letters(consumer=self._consumer))
        )
        return sum(applied)

    async def delete_old(self) -> None:
        """Delete a batch of events that are past the retention of three months."""
        await self._database.execute(
            *self._sql.delete_old_dead_letters(consumer=self._consumer, age=RETENTION, limit=RETENTION_BATCH)
        )

    async def _applied(self, row: Record, apply: Apply) -> bool:
        event_id = str(row["event_id"])
        try:
            event = self._read(row["body"].encode(), row["subject"])
            async with self._database.transaction() as connection:
                await apply(connection, [event])
                await connection.execute(*self._sql.remove_dead_letter(id=row["id"]))
        except Unavailable:
            raise
        except Exception as error:
            await self._database.execute(*self._sql.note_dead_letter(id=row["id"], error=_shown(error)))
            log.warning(
                "retry of dead-lettered event failed",
                action="dead_letter_retry_failed",
                consumer=self._label,
                event_id=event_id,
                exc_info=error,
            )
            return False
        log.info(
            "dead-lettered event applied",
            action="dead_letter_applied",
            consumer=self._label,
            event_id=event_id,
        )
        return True


def _shown(error: Exception) -> str:
    return repr(error)[:LONGEST_ERROR]
