"""The reputation of tenants in Postgres: strikes, sent recipients, warnings and slowdowns.

Email ids are ordered by acceptance time, so a time window is a range of ids.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries
from chassis.events import Outbox
from services.sender.events.published import tenant_restored, tenant_slowed, tenant_warned
from services.sender.model.feedback import SIMULATOR
from services.sender.model.reputation import BOUNCES, COMPLAINTS, Concern, Strikes

QUERIES = Queries.load(Path(__file__).with_name("reputation.sql"))
# How long a tenant stays slowed down after its rates were last too high, since they fluctuate around a limit.
SLOW_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Struck:
    """A tenant with enough strikes to be evaluated, counted over the email ids from `since` on."""

    tenant_id: UUID
    since: UUID
    strikes: Strikes


class ReputationStore:
    """Counts strikes and recipients, and records what was done about them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outbox = Outbox("sender")

    async def struck(self, window: timedelta) -> list[Struck]:
        """Return the active tenants with enough strikes to be evaluated."""
        rows = await self._database.fetch(
            *QUERIES.struck_tenants(
                since=_first_id(window), least_bounces=BOUNCES.least, least_complaints=COMPLAINTS.least
            )
        )
        return [
            Struck(row["tenant_id"], row["since"], Strikes(row["bounces"], row["complaints"])) for row in rows
        ]

    async def sent(self, struck: Struck) -> int:
        """Return to how many recipients the tenant's email was sent, counted only as far as it matters."""
        count: int = await self._database.fetchval(
            *QUERIES.count_sent(
                tenant_id=struck.tenant_id,
                since=struck.since,
                limit=struck.strikes.enough,
                simulator=SIMULATOR,
            )
        )
        return count

    async def warn(self, tenant_id: UUID, concern: Concern) -> bool:
        """Publish a warning unless there was one within a day; return whether it was published."""
        async with self._database.transaction() as connection:
            if await connection.fetchrow(*QUERIES.warn(tenant_id=tenant_id)) is None:
                return False
            await self._outbox.write(connection, tenant_warned(tenant_id, concern))
        return True

    async def slow(self, tenant_id: UUID, concern: Concern) -> bool:
        """Slow a tenant down or extend its slowdown; return whether it is a new one."""
        async with self._database.transaction() as connection:
            slowdown = {"tenant_id": tenant_id, "reason": concern.message, "slow_for": SLOW_FOR}
            if await connection.fetchrow(*QUERIES.slow(**slowdown)) is None:
                await connection.execute(*QUERIES.slow_longer(**slowdown))
                return False
            await self._outbox.write(connection, tenant_slowed(tenant_id, concern))
        return True

    async def restore(self) -> list[UUID]:
        """End the slowdowns whose time is over and return the ids of their tenants."""
        async with self._database.transaction() as connection:
            restored = [row["tenant_id"] for row in await connection.fetch(*QUERIES.restore())]
            await self._outbox.write(connection, *map(tenant_restored, restored))
        return restored

    async def close(self, tenant_id: UUID) -> None:
        """Stop counting email accepted until now against the tenant, because it was paused for it."""
        now = _first_id(timedelta(0))
        await self._database.execute(*QUERIES.close(tenant_id=tenant_id, judged_from=now))


def _first_id(ago: timedelta) -> UUID:
    """Return the lowest UUIDv7 of that time: its first 48 bits are milliseconds (RFC 9562 §5.7)."""
    milliseconds = int((time.time() - ago.total_seconds()) * 1_000)
    return UUID(int=milliseconds << 80)
