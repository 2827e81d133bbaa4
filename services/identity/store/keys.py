"""API keys in Postgres, as rpcs manage them; `chassis.access` authenticates callers."""

from dataclasses import astuple
from pathlib import Path
from uuid import UUID

from chassis.access import TenantVisibility, Visibility
from chassis.database import Database, Queries, Record
from chassis.errors import InvalidField
from chassis.ids import uuid7
from chassis.pages import Window
from services.identity.errors import DomainNotFound, KeyNotFound, RequestIdReused, TooManyKeys
from services.identity.model.keys import ApiKey, NewKey
from services.identity.store.requests import Request, earlier_answer
from services.identity.store.tenants import lock_tenant

QUERIES = Queries.load(Path(__file__).with_name("keys.sql"))


class KeyStore:
    """Reads and writes keys within the caller's visibility, which excludes keys of a larger scope."""

    def __init__(self, database: Database, *, limit: int) -> None:
        self._database = database
        self._limit = limit

    async def create(self, key: NewKey, request: Request, sees: TenantVisibility) -> ApiKey:
        """Store a key within the tenant's limit.

        Raise RequestIdReused for a repeated request: its token is not stored and cannot be returned again.
        """
        async with self._database.transaction() as connection:
            await lock_tenant(connection, key.tenant_id)
            if await earlier_answer(connection, request, key.id):
                raise RequestIdReused(request.request_id)
            if await connection.fetchval(QUERIES.count_live_keys, key.tenant_id) >= self._limit:
                raise TooManyKeys(self._limit)
            known = await connection.fetchval(QUERIES.count_claims, *sees.conditions, key.claim_ids)
            if known != len(key.claim_ids):
                raise DomainNotFound
            # The statement has the field order of the dataclass.
            row = await connection.fetchrow(QUERIES.insert_key, *astuple(key))
            if row is None:
                raise InvalidField("expire_time", "is in the past; choose a future time, or leave it unset")
        return _key(row)

    async def ensure(self, tenant_id: UUID, name: str, scope: str, digest: bytes, hint: str) -> None:
        """Store a key unless one with its digest exists."""
        await self._database.execute(QUERIES.ensure_key, uuid7(), tenant_id, name, scope, digest, hint)

    async def page(self, sees: TenantVisibility, asked: Window, *, live_only: bool) -> list[ApiKey]:
        """Return a page of a tenant's keys, nearest to the cursor first."""
        chosen = (sees.tenant_id, sorted(sees.kinds), asked.after, asked.before, live_only, asked.limit)
        return [_key(row) for row in await self._database.fetch(QUERIES.list_keys, *chosen)]

    async def revoke(self, key_id: UUID, sees: Visibility) -> ApiKey:
        """Revoke a key; raise KeyNotFound if it does not exist or the caller may not see it."""
        row = await self._database.fetchrow(QUERIES.revoke_key, key_id, sees.tenant_id, sorted(sees.kinds))
        if row is None:
            raise KeyNotFound
        return _key(row)


def _key(row: Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        tenant_id=row["tenant_id"],
        name=row["name"],
        scope=row["scope"],
        claim_ids=tuple(row["claim_ids"]),
        hint=row["hint"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
