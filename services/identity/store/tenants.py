"""Tenants in Postgres."""

from pathlib import Path
from uuid import UUID

import asyncpg

from chassis.access import TenantVisibility, Visibility
from chassis.database import Connection, Database, Queries, Record
from chassis.events import Outbox
from chassis.ids import uuid7
from services.identity import events
from services.identity.errors import TenantNameTaken, TenantNotFound
from services.identity.model.tenants import (
    Allowance,
    Limits,
    Tenant,
    TenantChange,
    TenantState,
    UnreadyPolicy,
)
from services.identity.store.requests import Request, earlier_answer

QUERIES = Queries.load(Path(__file__).with_name("tenants.sql"))


async def lock_tenant(connection: Connection, tenant_id: UUID) -> tuple[TenantState, str]:
    """Lock the tenant's row, which serializes its creates; return its state and pause reason."""
    row = await connection.fetchrow(*QUERIES.lock_tenant(tenant_id=tenant_id))
    if row is None:
        raise TenantNotFound
    return TenantState(row["state"]), row["pause_reason"]


class TenantStore:
    """Reads and writes tenants."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def create(self, name: str, policy: UnreadyPolicy, limits: Limits, request: Request) -> Tenant:
        """Store a tenant, or return the one that the same request created before."""
        tenant_id = uuid7()
        async with self._database.transaction() as connection:
            if earlier := await earlier_answer(connection, request, tenant_id):
                return await self._get(connection, earlier)
            query = QUERIES.insert_tenant(
                tenant_id=tenant_id,
                name=name,
                unready_policy=policy,
                max_send_rate=limits.max_send_rate,
                daily_limit=limits.daily_limit,
            )
            row = await connection.fetchrow(*query)
            if row is None:
                raise TenantNameTaken(name)
            await _note(connection, tenant_id, None, TenantState.ACTIVE, "created")
        return _tenant(row)

    async def ensure_operator(self, name: str) -> UUID:
        """Return the id of the operator's tenant; create it with this name if it does not exist.

        Replicas may call this concurrently. Raise TenantNameTaken if an ordinary tenant has the name.
        """
        async with self._database.transaction() as connection:
            query = QUERIES.ensure_operator(tenant_id=uuid7(), name=name)
            made: UUID | None = await connection.fetchval(*query)
            if made is not None:
                await _note(connection, made, None, TenantState.ACTIVE, "created at start-up")
                return made
            found: UUID | None = await connection.fetchval(*QUERIES.find_operator())
        if found is None:
            raise TenantNameTaken(name)
        return found

    async def get(self, sees: TenantVisibility) -> Tenant:
        """Return the tenant; raise TenantNotFound."""
        async with self._database.transaction() as connection:
            return await self._get(connection, sees.tenant_id)

    async def allowance(self, sees: TenantVisibility) -> Allowance:
        """Return what the tenant may send now; raise TenantNotFound."""
        row = await self._database.fetchrow(*QUERIES.get_allowance(tenant_id=sees.tenant_id))
        if row is None:
            raise TenantNotFound
        effective = Limits(row["rate"], row["daily"])
        return Allowance(effective, row["sent_today"], row["slow_reason"] or "", row["slowed_until"])

    async def list_after(self, sees: Visibility, after: UUID | None, limit: int) -> list[Tenant]:
        """Return the tenants that are older than the tenant `after`, newest first."""
        query = QUERIES.list_tenants(after=after, limit=limit, tenant_id=sees.tenant_id)
        return [_tenant(row) for row in await self._database.fetch(*query)]

    async def update(self, sees: TenantVisibility, change: TenantChange) -> Tenant:
        """Change the fields in `change.paths`; `updated_at` stays if nothing differs."""
        query = QUERIES.update_tenant(
            tenant_id=sees.tenant_id,
            paths=change.paths,
            name=change.name,
            unready_policy=change.unready_policy,
            max_send_rate=change.limits.max_send_rate,
            daily_limit=change.limits.daily_limit,
        )
        try:
            row = await self._database.fetchrow(*query)
        except asyncpg.UniqueViolationError:
            raise TenantNameTaken(change.name) from None
        if row is None:
            raise TenantNotFound
        return _tenant(row)

    async def pause(self, sees: TenantVisibility, reason: str) -> Tenant:
        """Pause a tenant; if it is already paused, change only the reason."""
        async with self._database.transaction() as connection:
            tenant_id, active, paused = sees.tenant_id, TenantState.ACTIVE, TenantState.PAUSED
            if tenant := await _moved(connection, tenant_id, active, paused, reason):
                await _note(connection, tenant_id, active, paused, reason)
                await self._outbox.write(connection, events.tenant_paused(tenant))
                return tenant
            tenant = await _moved(connection, tenant_id, paused, paused, reason)
            return tenant or await self._get(connection, tenant_id)

    async def resume(self, sees: TenantVisibility) -> Tenant:
        """Resume a paused tenant."""
        async with self._database.transaction() as connection:
            tenant_id, active, paused = sees.tenant_id, TenantState.ACTIVE, TenantState.PAUSED
            tenant = await _moved(connection, tenant_id, paused, active, "")
            if tenant is None:
                return await self._get(connection, tenant_id)
            await _note(connection, tenant_id, paused, active, "resumed")
            await self._outbox.write(connection, events.tenant_resumed(tenant))
        return tenant

    async def _get(self, connection: Connection, tenant_id: UUID) -> Tenant:
        row = await connection.fetchrow(*QUERIES.get_tenant(tenant_id=tenant_id))
        if row is None:
            raise TenantNotFound
        return _tenant(row)


async def _moved(
    connection: Connection, tenant_id: UUID, before: TenantState, after: TenantState, reason: str
) -> Tenant | None:
    """Move a tenant from one state to another; return None if it was in another state."""
    query = QUERIES.move_tenant(tenant_id=tenant_id, before=before, after=after, reason=reason)
    row = await connection.fetchrow(*query)
    return _tenant(row) if row else None


async def _note(
    connection: Connection, tenant_id: UUID, before: TenantState | None, after: TenantState, cause: str
) -> None:
    await connection.execute(
        *QUERIES.insert_transition(id=uuid7(), tenant_id=tenant_id, before=before, after=after, cause=cause)
    )


def _tenant(row: Record) -> Tenant:
    return Tenant(
        id=row["id"],
        name=row["name"],
        is_operator=row["is_operator"],
        state=TenantState(row["state"]),
        unready_policy=UnreadyPolicy(row["unready_policy"]),
        pause_reason=row["pause_reason"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        limits=Limits(row["max_send_rate"], row["daily_limit"]),
    )
