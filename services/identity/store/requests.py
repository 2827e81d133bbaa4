"""What makes a repeated create safe: which request_id made what, noted in the transaction that made it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries
from services.identity.refusals import RequestIdReused

QUERIES = Queries.load(Path(__file__).with_name("requests.sql"))


@dataclass(frozen=True, slots=True)
class Request:
    """A create as its caller named it, with all it asks for, normalised. An empty id promises nothing."""

    tenant_id: UUID
    operation: str
    request_id: str
    content: tuple[object, ...]

    @property
    def content_hash(self) -> bytes:
        """A digest that two requests for the same thing have in common."""
        return hashlib.sha256(json.dumps(self.content, default=str).encode()).digest()


async def earlier_answer(connection: Connection, request: Request, resource_id: UUID) -> UUID | None:
    """Notes that the request makes `resource_id`; gives instead what it made before, if it did.

    Waits for a concurrent equal request to end. Raises RequestIdReused when the id stands for something else.
    """
    if not request.request_id:
        return None
    key = (request.tenant_id, request.operation, request.request_id)
    if await connection.fetchval(QUERIES.insert_request, *key, request.content_hash, resource_id):
        return None
    earlier = await connection.fetchrow(QUERIES.get_request, *key)
    if earlier is None or earlier["content_hash"] != request.content_hash:
        raise RequestIdReused(request.request_id)
    made: UUID = earlier["resource_id"]
    return made
