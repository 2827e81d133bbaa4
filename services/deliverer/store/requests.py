"""Requests of callers: a test message, a replay. Each is carried out once, in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from services.deliverer.model.messages import Message
from services.deliverer.model.payloads import event_of_test, payload
from services.deliverer.store.intake import insert_messages

QUERIES = Queries.load(Path(__file__).with_name("requests.sql"))
BATCH = 100


@dataclass(frozen=True, slots=True)
class _Request:
    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    kind: str
    message_id: UUID
    since: datetime | None
    requested_at: datetime


class RequestStore:
    """Carries out requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fulfil(self) -> bool:
        """Carry out the oldest requests; return whether there may be more."""
        rows = await self._database.fetch(*QUERIES.open_requests(limit=BATCH))
        for row in rows:
            async with self._database.transaction() as connection:
                request = _Request(**row)
                if await connection.fetchval(*QUERIES.fulfil(request_id=request.id)):
                    await _carry_out(connection, request)
        return len(rows) == BATCH


async def _carry_out(connection: Connection, request: _Request) -> None:
    if request.kind == "TEST":
        await insert_messages(connection, [_test_message(request)])
    elif request.kind == "REPLAY":
        query = QUERIES.replay(message_id=request.message_id, endpoint_id=request.endpoint_id)
        await connection.execute(*query)
    else:
        query = QUERIES.replay_since(endpoint_id=request.endpoint_id, since=request.since)
        await connection.execute(*query)


def _test_message(request: _Request) -> Message:
    event = event_of_test(request.endpoint_id)
    return Message(
        id=request.message_id,
        tenant_id=request.tenant_id,
        endpoint_id=request.endpoint_id,
        type=event.type,
        payload=payload(event, request.requested_at),
        state="PENDING",
        occurred_at=request.requested_at,
    )
