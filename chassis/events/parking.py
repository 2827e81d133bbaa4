"""What a consumer could not apply: kept, tried again every hour, and forgotten in the end.

The stream has done with such an event, so this is its only way on. The cause is mended meanwhile, by a
release or by hand, and nobody need remember which events met it.
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
PARKED = Gauge("letterhead_parked_events", "Events that could not be applied yet", ["consumer"])

# A delivery without a verdict means its reader died; this often, it is the event that kills readers.
DEADLY_DELIVERIES = 15
PAUSE = timedelta(hours=1)
BATCH = 256
RETENTION = timedelta(days=90)
FORGET_BATCH = 5000
LONGEST_ERROR = 1000

Apply: TypeAlias = Callable[[Connection, Sequence[ReceivedEvent]], Awaitable[object]]
Read: TypeAlias = Callable[[bytes, str], ReceivedEvent]


class Parking:
    """The parked events of one consumer of a service; its replicas share them.

    `read` reads an event's payload and subject, and raises for one that is not to be believed.
    """

    def __init__(self, database: Database, schema: str, consumer: str, read: Read) -> None:
        self._database = database
        self._read = read
        self._sql = statements(schema)
        self._consumer = consumer
        self._label = f"{schema}-{consumer}"

    async def park(
        self, payload: bytes, *, event_id: UUID | None, subject: str, error: Exception, deliveries: int
    ) -> None:
        """Keep an event; one without an id is not an event of ours, and is never applied."""
        body = payload.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        await self._database.execute(
            self._sql.park_event,
            uuid7(),
            self._consumer,
            event_id,
            subject,
            body,
            _told(error),
            deliveries,
        )
        log.error(
            "an event was parked",
            action="event_parked",
            consumer=self._label,
            event_id=str(event_id),
            deliveries=deliveries,
        )

    async def again(self, apply: Apply) -> int:
        """Try those whose hour has come, each in a transaction of its own; gives how many were applied.

        Those that readers died of are left to people: here they would kill again every hour.
        """
        rows = await self._database.fetch(
            self._sql.take_parked, self._consumer, DEADLY_DELIVERIES, PAUSE, BATCH
        )
        applied = [await self._applied(row, apply) for row in rows]
        PARKED.labels(self._label).set(await self._database.fetchval(self._sql.count_parked, self._consumer))
        return sum(applied)

    async def forget(self) -> None:
        """Forget a batch of what nobody mended in three months."""
        await self._database.execute(self._sql.forget_parked, self._consumer, RETENTION, FORGET_BATCH)

    async def _applied(self, row: Record, apply: Apply) -> bool:
        event_id = str(row["event_id"])
        try:
            event = self._read(row["body"].encode(), row["subject"])
            async with self._database.transaction() as connection:
                await apply(connection, [event])
                await connection.execute(self._sql.unpark_event, row["id"])
        except Unavailable:
            raise
        except Exception as error:
            await self._database.execute(self._sql.note_parked, row["id"], _told(error))
            log.warning(
                "a parked event still cannot be applied",
                action="event_parked_on",
                consumer=self._label,
                event_id=event_id,
                exc_info=error,
            )
            return False
        log.info(
            "a parked event was applied", action="event_unparked", consumer=self._label, event_id=event_id
        )
        return True


def _told(error: Exception) -> str:
    return repr(error)[:LONGEST_ERROR]
