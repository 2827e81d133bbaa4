"""What deliverer posted to an endpoint, and requests for it to post something."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.database import Database, Queries
from chassis.ids import uuid7
from services.webhooks.errors import EndpointDisabled, EndpointEventNotFound
from services.webhooks.model.endpoints import Attempt, Endpoint, Message

QUERIES = Queries.load(Path(__file__).with_name("deliveries.sql"))


class DeliveryStore:
    """Reads the messages of an endpoint that the caller may see, and stores requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def messages(
        self, of: Endpoint, *, states: Collection[str], after: UUID | None, limit: int
    ) -> list[Message]:
        """Return the messages of an endpoint, newest first, without their payloads."""
        query = QUERIES.list_messages(endpoint_id=of.id, states=list(states), after=after, limit=limit)
        return [Message(**row) for row in await self._database.fetch(*query)]

    async def message(self, of: Endpoint, message_id: UUID) -> Message:
        """Return a message with its payload; raise EndpointEventNotFound if the endpoint does not have it."""
        row = await self._database.fetchrow(*QUERIES.get_message(endpoint_id=of.id, message_id=message_id))
        if row is None:
            raise EndpointEventNotFound
        return Message(**row)

    async def attempts(self, message: Message, *, after: UUID | None, limit: int) -> list[Attempt]:
        """Return the attempts to post a message, newest first."""
        query = QUERIES.list_attempts(message_id=message.id, after=after, limit=limit)
        return [Attempt(**row) for row in await self._database.fetch(*query)]

    async def send_test(self, to: Endpoint, request_id: str | None) -> UUID:
        """Request a test message; return its id, or that of a repeated request. Raise EndpointDisabled."""
        message_id: UUID = await self._request(to, "TEST", message_id=uuid7(), caller_request_id=request_id)
        return message_id

    async def replay(self, to: Endpoint, message: Message) -> None:
        """Request that a message is posted again. Raise EndpointDisabled."""
        await self._request(to, "REPLAY", message_id=message.id)

    async def replay_since(self, to: Endpoint, since: datetime) -> None:
        """Request that what was not delivered since a time is posted. Raise EndpointDisabled."""
        await self._request(to, "REPLAY_SINCE", since=since)

    async def _request(
        self,
        to: Endpoint,
        kind: str,
        *,
        message_id: UUID | None = None,
        since: datetime | None = None,
        caller_request_id: str | None = None,
    ) -> Any:
        if to.disable_reason:
            raise EndpointDisabled
        query = QUERIES.request_delivery(
            request_id=uuid7(),
            tenant_id=to.tenant_id,
            endpoint_id=to.id,
            kind=kind,
            message_id=message_id,
            since=since,
            caller_request_id=caller_request_id,
        )
        return await self._database.fetchval(*query)
