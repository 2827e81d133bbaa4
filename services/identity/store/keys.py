"""API keys in Postgres, as rpcs manage them; `chassis.access` authenticates callers."""

from pathlib import Path
from uuid import UUID

from chassis.access import TenantVisibility, Visibility
from chassis.database import Database, Queries, Record
from chassis.errors import InvalidField
from chassis.ids import uuid7
from chassis.pages import Window
from services.identity.errors import DomainNotFound, KeyNotFound, TooManyKeys
from services.identity.model.keys import ApiKey, NewKey
from services.identity.store.requests import Request, reject_repetition
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
            await reject_repetition(connection, request, key.id)
            live = await connection.fetchval(*QUERIES.count_live_keys(tenant_id=key.tenant_id))
            if live >= self._limit:
                raise TooManyKeys(self._limit)
            query = QUERIES.count_claims(**sees.filter, requested=key.claim_ids)
            if await connection.fetchval(*query) != len(key.claim_ids):
                raise DomainNotFound
            row = await connection.fetchrow(
                *QUERIES.insert_key(
                    key_id=key.id,
                    tenant_id=key.tenant_id,
                    name=key.name,
                    scope=key.scope,
                    digest=key.digest,
                    hint=key.hint,
                    claim_ids=key.claim_ids,
                    expires_at=key.expires_at,
                )
            )
            if row is None:
                raise InvalidField("expire_time", "IN_THE_PAST")
        return _key(row)

    async def ensure(self, tenant_id: UUID, name: str, scope: str, digest: bytes, hint: str) -> None:
        """Store a key unless one with its digest exists."""
        await self._database.execute(
            *QUERIES.ensure_key(
                key_id=uuid7(), tenant_id=tenant_id, name=name, scope=scope, digest=digest, hint=hint
            )
        )

    async def page(self, sees: TenantVisibility, asked: Window, *, live_only: bool) -> list[ApiKey]:
        """Return a page of a tenant's keys, nearest to the cursor first."""
        query = QUERIES.list_keys(
            tenant_id=sees.tenant_id,
            scopes=sorted(sees.kinds),
            after=asked.after,
            before=asked.before,
            live_only=live_only,
            limit=asked.limit,
        )
        return [_key(row) for row in await self._database.fetch(*query)]

    async def rename(self, key_id: UUID, name: str, sees: Visibility) -> ApiKey:
        """Rename a key; raise KeyNotFound if it does not exist or the caller may not see it."""
        query = QUERIES.rename_key(
            key_id=key_id, name=name, tenant_id=sees.tenant_id, scopes=sorted(sees.kinds)
        )
        row = await self._database.fetchrow(*query)
        if row is None:
            raise KeyNotFound
        return _key(row)

    async def revoke(self, key_id: UUID, sees: Visibility) -> ApiKey:
        """Revoke a key; raise KeyNotFound if it does not exist or the caller may not see it."""
        query = QUERIES.revoke_key(key_id=key_id, tenant_id=sees.tenant_id, scopes=sorted(sees.kinds))
        row = await self._database.fetchrow(*query)
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
