"""Stores the days on which addresses soft-bounced, and says which of them keep doing so."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries
from services.sender.config import SoftBounces

QUERIES = Queries.load(Path(__file__).with_name("soft_bounces.sql"))


@dataclass(frozen=True, slots=True)
class AddressReport:
    """A soft bounce of, or a delivery to, an address (in lower case) of a tenant's email, and its time."""

    email_id: UUID
    tenant_id: UUID
    address: str
    time: datetime


class SoftBounceStore:
    """Reads and writes soft bounces in the caller's transaction."""

    def __init__(self, settings: SoftBounces) -> None:
        self._settings = settings
        self.suppression = settings.soft_bounce_suppression

    async def add(self, connection: Connection, bounces: Sequence[AddressReport]) -> set[tuple[UUID, str]]:
        """Record soft bounces; return the tenants and addresses of those to suppress for a while."""
        if not bounces or not self._settings.soft_bounce_days:
            return set()
        recorded = await connection.fetch(
            *QUERIES.add_soft_bounces(
                email_ids=[each.email_id for each in bounces],
                tenant_ids=[each.tenant_id for each in bounces],
                addresses=[each.address for each in bounces],
                bounced_at=[each.time for each in bounces],
            )
        )
        addresses = sorted({(row["tenant_id"], row["address"]) for row in recorded})
        rows = await connection.fetch(
            *QUERIES.persistent(
                tenant_ids=[tenant_id for tenant_id, _ in addresses],
                addresses=[address for _, address in addresses],
                days=self._settings.soft_bounce_days,
                window=self._settings.soft_bounce_window,
            )
        )
        return {(row["tenant_id"], row["address"]) for row in rows}

    async def reset(self, connection: Connection, deliveries: Collection[AddressReport]) -> None:
        """Forget the soft bounces of addresses before a delivery to them."""
        if deliveries and self._settings.soft_bounce_days:
            ordered = sorted(deliveries, key=lambda each: (each.tenant_id, each.address))
            await connection.execute(
                *QUERIES.reset(
                    tenant_ids=[each.tenant_id for each in ordered],
                    addresses=[each.address for each in ordered],
                    delivered_at=[each.time for each in ordered],
                )
            )
