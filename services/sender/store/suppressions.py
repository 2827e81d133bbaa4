"""The suppression lists: addresses that a tenant's email is not sent to. Each change publishes an event."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.access import TenantVisibility
from chassis.database import Connection, Database, Queries
from chassis.events import Outbox
from chassis.ids import uuid7
from chassis.pages import Window
from services.sender.events import published
from services.sender.model.emails import Reason, Suppression
from services.sender.model.reasons import Parameters
from services.sender.store.rows import to_suppression

QUERIES = Queries.load(Path(__file__).with_name("suppressions.sql"))


@dataclass(frozen=True, slots=True)
class Listing:
    """An address (in lower case) to be suppressed; `email_id` is the email that caused it, if any.

    `note` is what a person entered or the message of the receiver, which mentions `parameters`. It ends after
    `duration`; None: never.
    """

    tenant_id: UUID
    address: str
    reason: Reason
    note: str
    parameters: Parameters = field(default_factory=Parameters)
    email_id: UUID | None = None
    duration: timedelta | None = None


class SuppressionStore:
    """Reads and writes every tenant's list."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outbox = Outbox("sender")

    async def add(self, connection: Connection, listings: Sequence[Listing]) -> list[Suppression]:
        """Add addresses in the caller's transaction; return the new entries.

        An existing entry stays as it is, unless it is temporary and the new one is permanent.
        """
        # Insert in a fixed order, so that concurrent transactions cannot deadlock. The permanent one wins.
        unique = {(each.tenant_id, each.address): each for each in sorted(listings, key=_key)}
        rows = await connection.fetch(
            *QUERIES.add_suppressions(
                suppression_ids=[uuid7() for _ in unique],
                tenant_ids=[each.tenant_id for each in unique.values()],
                addresses=[each.address for each in unique.values()],
                reasons=[each.reason for each in unique.values()],
                email_ids=[each.email_id for each in unique.values()],
                notes=[each.note for each in unique.values()],
                parameters=[each.parameters for each in unique.values()],
                durations=[each.duration for each in unique.values()],
            )
        )
        added = [to_suppression(row) for row in rows]
        await self._outbox.write(connection, *map(published.suppression_added, added))
        return added

    async def add_by_hand(self, sees: TenantVisibility, address: str, note: str) -> Suppression:
        """Add one address and return its entry, which is the existing one if there is one."""
        listing = Listing(sees.tenant_id, address, Reason.MANUAL, note)
        while True:
            async with self._database.transaction() as connection:
                if added := await self.add(connection, [listing]):
                    return added[0]
            if found := await self.find(sees, address):
                return found  # otherwise it was removed in between, so add it again

    async def find(self, sees: TenantVisibility, entry: str | UUID) -> Suppression | None:
        """Return the entry with this id, or of this address in lower case; None if there is none."""
        row = await self._database.fetchrow(*QUERIES.get_suppression(**_key_of(sees, entry)))
        return to_suppression(row) if row else None

    async def remove(self, sees: TenantVisibility, entry: str | UUID) -> Suppression | None:
        """Remove an entry, given as for `find`, and return it; None if there was none."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(*QUERIES.remove_suppression(**_key_of(sees, entry)))
            if row is None:
                return None
            removed = to_suppression(row)
            await self._outbox.write(connection, published.suppression_removed(removed))
        return removed

    async def page(
        self, sees: TenantVisibility, asked: Window, reasons: Collection[Reason]
    ) -> list[Suppression]:
        """Return a page of a tenant's list, nearest first; empty `reasons` mean all."""
        rows = await self._database.fetch(
            *QUERIES.list_suppressions(
                tenant_id=sees.tenant_id,
                after=asked.after,
                before=asked.before,
                reasons=list(reasons) or None,
                limit=asked.limit,
            )
        )
        return [to_suppression(row) for row in rows]


def _key_of(sees: TenantVisibility, entry: str | UUID) -> dict[str, str | UUID | None]:
    """Return the parameters that find an entry by its address or its id."""
    by_address = isinstance(entry, str)
    return {
        "tenant_id": sees.tenant_id,
        "address": entry if by_address else None,
        "suppression_id": None if by_address else entry,
    }


def _key(listing: Listing) -> tuple[UUID, str, bool]:
    return listing.tenant_id, listing.address, listing.duration is None
