"""The queue of messages to post, and the results of posting them."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Database, Queries
from chassis.ids import uuid7
from services.deliverer.model.messages import Answer, Leased

QUERIES = Queries.load(Path(__file__).with_name("queue.sql"))

# Longer than the longest post; after a crash, the message is posted again after it.
LEASE = timedelta(seconds=45)
# An endpoint that times out gets one post at a time, and later only a probe now and then.
SLOW_AFTER, CIRCUIT_AFTER = 3, 10
PROBE = timedelta(seconds=30)
BATCH = 1000


class MessageQueue:
    """Leases messages, and stores what became of them."""

    def __init__(self, database: Database, *, per_endpoint: int) -> None:
        self._database = database
        self._per_endpoint = per_endpoint

    async def lease(self, limit: int) -> list[Leased]:
        """Lease messages that are due."""
        query = QUERIES.lease_messages(
            limit=limit,
            per_endpoint=self._per_endpoint,
            slow_after=SLOW_AFTER,
            circuit_after=CIRCUIT_AFTER,
            probe=PROBE,
            lease=LEASE,
        )
        return [Leased(**row) for row in await self._database.fetch(*query)]

    async def set_aside(self) -> bool:
        """Mark messages of disabled and deleted endpoints as UNSENT; return whether there may be more."""
        tag = await self._database.execute(*QUERIES.set_aside(limit=BATCH))
        return int(tag.rpartition(" ")[2]) == BATCH


async def finish(
    connection: Connection,
    message: Leased,
    answer: Answer,
    *,
    state: str,
    pause: timedelta | None,
    duration: timedelta,
) -> None:
    """Store an attempt; `pause` is the time until the next one."""
    await connection.execute(
        *QUERIES.finish_attempt(
            message_id=message.id, lease_token=message.lease_token, state=state, pause=pause
        )
    )
    await connection.execute(
        *QUERIES.insert_attempt(
            attempt_id=uuid7(),
            message_id=message.id,
            status=answer.status,
            problem=answer.problem,
            answer=answer.text,
            duration=duration,
        )
    )
