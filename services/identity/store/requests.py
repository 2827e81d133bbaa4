"""Idempotency of create rpcs: which request_id created which resource, stored in the same transaction."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries
from chassis.errors import RequestIdReused

QUERIES = Queries.load(Path(__file__).with_name("requests.sql"))


@dataclass(frozen=True, slots=True)
class Request:
    """A create request with its normalized content; without a request_id it is never deduplicated."""

    tenant_id: UUID
    operation: str
    request_id: str | None
    content: tuple[object, ...]


async def earlier_answer(connection: Connection, request: Request, resource_id: UUID) -> UUID | None:
    """Record that the request creates `resource_id`; return the id that it created before, if any.

    Wait for a concurrent request with the same id. Raise RequestIdReused if the id was used with other
    content.
    """
    if request.request_id is None:
        return None
    key = {
        "tenant_id": request.tenant_id,
        "operation": request.operation,
        "request_id": request.request_id,
    }
    content_hash = hashlib.sha256(json.dumps(request.content, default=str).encode()).digest()
    query = QUERIES.insert_request(**key, content_hash=content_hash, resource_id=resource_id)
    if await connection.fetchval(*query):
        return None
    earlier = await connection.fetchrow(*QUERIES.get_request(**key))
    if earlier is None or earlier["content_hash"] != content_hash:
        raise RequestIdReused(request.request_id)
    made: UUID = earlier["resource_id"]
    return made


async def reject_repetition(connection: Connection, request: Request, resource_id: UUID) -> None:
    """Record the request as `earlier_answer` does; raise RequestIdReused if it was made before.

    For resources with a token, which is not stored, so that a repetition cannot be answered.
    """
    if request.request_id and await earlier_answer(connection, request, resource_id):
        raise RequestIdReused(request.request_id)
