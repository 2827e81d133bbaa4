"""Customers' endpoints in Postgres, with their secrets encrypted."""

import hashlib
import json
from pathlib import Path
from uuid import UUID

from chassis.access import TenantVisibility, Visibility
from chassis.database import Connection, Database, Queries, Record
from chassis.errors import RequestIdReused
from chassis.ids import uuid7
from chassis.pages import Window
from chassis.sealing import Seal
from services.webhooks.errors import (
    DomainNotFound,
    EndpointNotFound,
    TooManyEndpoints,
    WebhooksNotConfigured,
)
from services.webhooks.model.endpoints import (
    PREVIOUS_SECRET_LIFE,
    Change,
    Endpoint,
    Target,
    chosen,
    new_secret,
)

QUERIES = Queries.load(Path(__file__).with_name("endpoints.sql"))


class EndpointStore:
    """Reads and writes endpoints; `seal` None = the installation has no key for their secrets."""

    def __init__(self, database: Database, seal: Seal | None, *, limit: int) -> None:
        self._database = database
        self._seal = seal
        self._limit = limit

    async def create(self, target: Target, request_id: str | None, sees: TenantVisibility) -> Endpoint:
        """Store an endpoint with a new secret, within the limit; a repeated request returns the first one."""
        endpoint_id = uuid7()
        secret = self._sealing().seal(new_secret())
        content = (target.url, target.types, target.claim_ids)
        content_hash = hashlib.sha256(json.dumps(content, default=str).encode()).digest()
        async with self._database.transaction() as connection:
            await connection.execute(*QUERIES.lock_tenant(tenant_id=sees.tenant_id))
            earlier = await _earlier(connection, request_id, content_hash, sees)
            if earlier is None:
                await self._check(connection, target, sees)
                query = QUERIES.insert_endpoint(
                    endpoint_id=endpoint_id,
                    tenant_id=sees.tenant_id,
                    url=target.url,
                    types=target.types,
                    claim_ids=target.claim_ids,
                    secret=secret,
                    request_id=request_id,
                    content_hash=content_hash,
                )
                await connection.execute(*query)
        return await self.get(earlier or endpoint_id, sees)

    async def get(self, endpoint_id: UUID, sees: Visibility) -> Endpoint:
        """Return an endpoint with its secret; raise EndpointNotFound if the caller may not see it."""
        row = await self._row(endpoint_id, sees)
        return _endpoint(row, self._sealing().open(row["secret"]))

    async def get_without_secret(self, endpoint_id: UUID, sees: Visibility) -> Endpoint:
        """Return an endpoint without its secret; raise EndpointNotFound if the caller may not see it."""
        return _endpoint(await self._row(endpoint_id, sees))

    async def page(self, sees: TenantVisibility, asked: Window) -> list[Endpoint]:
        """Return a page of a tenant's endpoints without their secrets, nearest to the cursor first."""
        query = QUERIES.list_endpoints(
            tenant_id=sees.tenant_id, after=asked.after, before=asked.before, limit=asked.limit
        )
        return [_endpoint(row) for row in await self._database.fetch(*query)]

    async def update(self, endpoint_id: UUID, change: Change, sees: Visibility) -> Endpoint:
        """Change an endpoint; raise EndpointNotFound if the caller may not see it."""
        query = QUERIES.update_endpoint(
            endpoint_id=endpoint_id,
            tenant_id=sees.tenant_id,
            url=chosen(change.paths, "url", change.target),
            types=chosen(change.paths, "event_types", change.target),
            claim_ids=chosen(change.paths, "domain_ids", change.target),
            state=chosen(change.paths, "state", change.target),
        )
        async with self._database.transaction() as connection:
            tenant_id = await connection.fetchval(*query)
            if tenant_id is None:
                raise EndpointNotFound
            if "domain_ids" in change.paths:
                await _check_domains(connection, change.target, tenant_id)
        return await self.get_without_secret(endpoint_id, sees)

    async def delete(self, endpoint_id: UUID, sees: Visibility) -> None:
        """Delete an endpoint; raise EndpointNotFound if the caller may not see it."""
        query = QUERIES.delete_endpoint(endpoint_id=endpoint_id, tenant_id=sees.tenant_id)
        if await self._database.fetchval(*query) is None:
            raise EndpointNotFound

    async def rotate(self, endpoint_id: UUID, sees: Visibility) -> Endpoint:
        """Replace the secret of an endpoint; raise EndpointNotFound if the caller may not see it."""
        query = QUERIES.rotate_secret(
            endpoint_id=endpoint_id,
            tenant_id=sees.tenant_id,
            secret=self._sealing().seal(new_secret()),
            life=PREVIOUS_SECRET_LIFE,
        )
        if await self._database.fetchval(*query) is None:
            raise EndpointNotFound
        return await self.get(endpoint_id, sees)

    async def _row(self, endpoint_id: UUID, sees: Visibility) -> Record:
        query = QUERIES.get_endpoint(endpoint_id=endpoint_id, tenant_id=sees.tenant_id)
        row = await self._database.fetchrow(*query)
        if row is None:
            raise EndpointNotFound
        return row

    async def _check(self, connection: Connection, target: Target, sees: TenantVisibility) -> None:
        if await connection.fetchval(*QUERIES.count_endpoints(tenant_id=sees.tenant_id)) >= self._limit:
            raise TooManyEndpoints(self._limit)
        await _check_domains(connection, target, sees.tenant_id)

    def _sealing(self) -> Seal:
        if self._seal is None:
            raise WebhooksNotConfigured
        return self._seal


async def _earlier(
    connection: Connection, request_id: str | None, content_hash: bytes, sees: TenantVisibility
) -> UUID | None:
    """Return the endpoint that the request created before; raise RequestIdReused if its content differs."""
    if request_id is None:
        return None
    query = QUERIES.endpoint_of_request(tenant_id=sees.tenant_id, request_id=request_id)
    row = await connection.fetchrow(*query)
    if row is None:
        return None
    if row["content_hash"] != content_hash:
        raise RequestIdReused(request_id)
    endpoint_id: UUID = row["id"]
    return endpoint_id


async def _check_domains(connection: Connection, target: Target, tenant_id: UUID) -> None:
    query = QUERIES.count_claims(tenant_id=tenant_id, requested=target.claim_ids)
    if await connection.fetchval(*query) != len(target.claim_ids):
        raise DomainNotFound


def _endpoint(row: Record, secret: str = "") -> Endpoint:
    state = "DISABLED" if row["disable_reason"] else "ENABLED"
    return Endpoint(
        id=row["id"],
        tenant_id=row["tenant_id"],
        target=Target(row["url"], tuple(row["types"]), tuple(row["claim_ids"]), state),
        secret=secret,
        previous_secret_expires_at=row["previous_secret_expires_at"],
        disable_reason=row["disable_reason"],
        disabled_at=row["disabled_at"],
        last_success_at=row["last_success_at"],
        last_failure_at=row["last_failure_at"],
        failing_since=row["failing_since"],
        created_at=row["created_at"],
    )
