"""The contacts of tenants in Postgres; the limits on codes are checked and updated under one lock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from chassis.access import TenantVisibility
from chassis.codes import MAX_WRONG_CODES, code_hash, is_same
from chassis.database import Connection, Database, Queries
from chassis.errors import InvalidField, TooManyCodes
from chassis.events import Outbox
from chassis.ids import uuid7
from services.identity import events
from services.identity.errors import ContactCodeEnded, TenantNotFound
from services.identity.model.contacts import (
    CODE_LIVES,
    MAX_OF_TENANT,
    MAX_TO_ADDRESS,
    WINDOW,
    Confirmation,
    Contact,
    State,
)
from services.identity.store.requests import Request, earlier_answer
from services.identity.store.tenants import lock_tenant

QUERIES = Queries.load(Path(__file__).with_name("contacts.sql"))


@dataclass(frozen=True, slots=True)
class Live:
    """A locked confirmation, with the hash of the code that was emailed; empty if none was yet."""

    confirmation: Confirmation
    code_hash: bytes = field(repr=False)

    def has(self, code: str) -> bool:
        """Return whether this is its code."""
        return is_same(self.code_hash, code_hash(self.confirmation.id, self.confirmation.address, code))


class ContactStore:
    """Reads and changes the contact of one tenant, which the caller may see."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def get(self, sees: TenantVisibility) -> Contact:
        """Return the tenant's contact; raise TenantNotFound."""
        async with self._database.transaction() as connection:
            return await self._get(connection, sees.tenant_id)

    async def request(self, sees: TenantVisibility, address: str, request: Request) -> Contact:
        """Request a code for an address, unless it is confirmed or the same request was made before.

        Raise TenantNotFound, RequestIdReused or TooManyCodes.
        """
        confirmation_id = uuid7()
        async with self._database.transaction() as connection:
            await connection.execute(*QUERIES.lock())
            await lock_tenant(connection, sees.tenant_id)
            if not await earlier_answer(connection, request, confirmation_id):
                await self._replace(connection, confirmation_id, sees.tenant_id, address)
            return await self._get(connection, sees.tenant_id)

    async def confirm(self, sees: TenantVisibility, code: str) -> Contact:
        """Confirm the address that a code was sent to.

        Raise TenantNotFound, InvalidField for a wrong code, or ContactCodeEnded.
        """
        async with self._database.transaction() as connection:
            await lock_tenant(connection, sees.tenant_id)
            live = await self._live(connection, sees.tenant_id)
            requested, confirmed = live.get(State.REQUESTED), live.get(State.CONFIRMED)
            if confirmed is not None and confirmed.has(code):  # a repeated call
                return await self._get(connection, sees.tenant_id)
            if requested is None:
                raise ContactCodeEnded
            if requested.has(code):
                await self._confirm(connection, requested.confirmation)
                return await self._get(connection, sees.tenant_id)
            left = await self._count_wrong(connection, requested.confirmation)
        # Raised after the commit, so that the failed try is counted.
        raise _wrong(requested.confirmation.address, left)

    async def remove(self, sees: TenantVisibility) -> Contact:
        """Remove the confirmed address and end an active code; raise TenantNotFound."""
        tenant_id = sees.tenant_id
        async with self._database.transaction() as connection:
            await lock_tenant(connection, tenant_id)
            await self._end(connection, tenant_id, [State.REQUESTED, State.CONFIRMED])
            if previous := await self._set(connection, tenant_id, ""):
                await self._outbox.write(connection, events.contact_removed(tenant_id, previous))
            return await self._get(connection, tenant_id)

    async def _replace(
        self, connection: Connection, confirmation_id: UUID, tenant_id: UUID, address: str
    ) -> None:
        """End the active code, and request one for an address that is not confirmed yet."""
        await self._end(connection, tenant_id, [State.REQUESTED])
        if (await self._get(connection, tenant_id)).address == address:
            return
        who = {"tenant_id": tenant_id, "address": address}
        limits = {"window": WINDOW, "max_of_tenant": MAX_OF_TENANT, "max_to_address": MAX_TO_ADDRESS}
        if (wait := await connection.fetchval(*QUERIES.wait(**who, **limits))) is not None:
            raise TooManyCodes(wait)
        query = QUERIES.add_confirmation(confirmation_id=confirmation_id, **who, code_lives=CODE_LIVES)
        row = await connection.fetchrow(*query)
        assert row is not None  # the statement inserts a row
        await self._outbox.write(connection, events.contact_confirmation_requested(Confirmation(**row)))

    async def _live(self, connection: Connection, tenant_id: UUID) -> Mapping[State, Live]:
        rows = await connection.fetch(*QUERIES.lock_live(tenant_id=tenant_id))
        return {
            State(row["state"]): Live(
                Confirmation(row["id"], row["tenant_id"], row["address"], row["expires_at"]), row["code_hash"]
            )
            for row in rows
        }

    async def _confirm(self, connection: Connection, confirmation: Confirmation) -> None:
        tenant_id, address = confirmation.tenant_id, confirmation.address
        await self._end(connection, tenant_id, [State.CONFIRMED])
        await connection.execute(*QUERIES.confirm(confirmation_id=confirmation.id))
        previous = await self._set(connection, tenant_id, address)
        await self._outbox.write(
            connection, events.contact_confirmed(tenant_id, address, previous_address=previous)
        )

    async def _count_wrong(self, connection: Connection, confirmation: Confirmation) -> int:
        query = QUERIES.count_wrong(confirmation_id=confirmation.id, max_wrong_codes=MAX_WRONG_CODES)
        left: int = await connection.fetchval(*query)
        return left

    async def _end(self, connection: Connection, tenant_id: UUID, states: Sequence[State]) -> None:
        await connection.execute(*QUERIES.end_confirmations(tenant_id=tenant_id, states=states))

    async def _set(self, connection: Connection, tenant_id: UUID, address: str) -> str:
        """Change the confirmed address and return the one that it replaces; empty if there was none."""
        previous: str | None = await connection.fetchval(
            *QUERIES.set_contact(tenant_id=tenant_id, address=address)
        )
        return previous or ""

    async def _get(self, connection: Connection, tenant_id: UUID) -> Contact:
        row = await connection.fetchrow(*QUERIES.get_contact(tenant_id=tenant_id))
        if row is None:
            raise TenantNotFound
        return Contact(**row)


def _wrong(address: str, left: int) -> InvalidField | ContactCodeEnded:
    return InvalidField("code", "WRONG_CODE", address=address, tries=left) if left else ContactCodeEnded()
