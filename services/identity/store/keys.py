"""API keys in Postgres, as rpcs manage them; `chassis.access` authenticates callers."""

from pathlib import Path
from uuid import UUID

from chassis.access import TenantVisibility, Visibility
from chassis.database import Connection, Database, Queries, Record
from chassis.errors import InvalidField
from chassis.ids import uuid7
from chassis.pages import Window
from services.identity.errors import DomainNotFound, KeyNotFound, KeyReplaced, TooManyKeys
from services.identity.model.keys import ApiKey, NewKey, Rotation
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

    async def rotate(self, rotation: Rotation, sees: Visibility) -> tuple[ApiKey, ApiKey]:
        """Replace a key within the tenant's limit; return the new key and the old one.

        Raise KeyNotFound for a key that has ended or that the caller may not see, KeyReplaced for one that
        was replaced before.
        """
        async with self._database.transaction() as connection:
            query = QUERIES.tenant_of(
                key_id=rotation.old_id, tenant_id=sees.tenant_id, scopes=sorted(sees.kinds)
            )
            if (tenant_id := await connection.fetchval(*query)) is None:
                raise KeyNotFound
            await lock_tenant(connection, tenant_id)
            old = await connection.fetchrow(*QUERIES.live_key(key_id=rotation.old_id))
            if old is None:
                raise KeyNotFound
            if old["replaced_by"] is not None:
                raise KeyReplaced(old["replaced_by"])
            return await self._replace(connection, rotation, tenant_id)

    async def _replace(
        self, connection: Connection, rotation: Rotation, tenant_id: UUID
    ) -> tuple[ApiKey, ApiKey]:
        ids = {"old_id": rotation.old_id, "new_id": rotation.new_id}
        new = await connection.fetchrow(
            *QUERIES.insert_successor(**ids, digest=rotation.digest, hint=rotation.hint)
        )
        old = await connection.fetchrow(*QUERIES.end_replaced(**ids, overlap=rotation.overlap))
        assert new is not None, "the tenant's lock keeps its keys in place"
        assert old is not None
        # Counted last: without an overlap, a tenant at its limit can rotate too.
        if await connection.fetchval(*QUERIES.count_live_keys(tenant_id=tenant_id)) > self._limit:
            raise TooManyKeys(self._limit)
        return _key(new), _key(old)

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
        replaced_by=row["replaced_by"],
    )
