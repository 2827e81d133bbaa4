"""What counts for and against tenants, as it stands in sender's own tables.

Ids of emails are in the order of their acceptance, so that a window of time is a range of ids.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries
from chassis.events import Outbox
from services.sender.events import tenant_restored, tenant_slowed, tenant_warned
from services.sender.model.feedback import SIMULATOR
from services.sender.model.reputation import BOUNCES, COMPLAINTS, Strikes

QUERIES = Queries.load(Path(__file__).with_name("reputation.sql"))
# How long a tenant stays slowed down after its rates were last too high: they wander around a limit.
SLOW_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Struck:
    """A tenant with strikes enough to be looked at, about email whose ids are `since` or later."""

    tenant_id: UUID
    since: UUID
    strikes: Strikes


class ReputationStore:
    """Counts, and remembers what was done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outbox = Outbox("sender")

    async def struck(self, window: timedelta) -> list[Struck]:
        """Give the active tenants that have strikes enough; the others need no counting."""
        least = (BOUNCES.least, COMPLAINTS.least)
        rows = await self._database.fetch(QUERIES.struck_tenants, _first_id(window), *least)
        return [
            Struck(row["tenant_id"], row["since"], Strikes(row["bounces"], row["complaints"])) for row in rows
        ]

    async def sent(self, struck: Struck) -> int:
        """Count the recipients that the tenant's email was sent to, as far as it matters."""
        asked = (struck.tenant_id, struck.since, struck.strikes.enough, SIMULATOR)
        count: int = await self._database.fetchval(QUERIES.count_sent, *asked)
        return count

    async def warn(self, tenant_id: UUID, reason: str) -> bool:
        """Tell of a warning, unless one was told within a day; says whether it was told."""
        async with self._database.transaction() as connection:
            if await connection.fetchrow(QUERIES.warn, tenant_id) is None:
                return False
            await self._outbox.write(connection, tenant_warned(tenant_id, reason))
        return True

    async def slow(self, tenant_id: UUID, reason: str) -> bool:
        """Slow a tenant down, or keep it so for longer; says whether it was not so before."""
        async with self._database.transaction() as connection:
            if await connection.fetchrow(QUERIES.slow, tenant_id, reason, SLOW_FOR) is None:
                await connection.execute(QUERIES.slow_longer, tenant_id, reason, SLOW_FOR)
                return False
            await self._outbox.write(connection, tenant_slowed(tenant_id, reason))
        return True

    async def restore(self) -> list[UUID]:
        """Give back their pace to tenants whose time is over; gives their ids."""
        async with self._database.transaction() as connection:
            restored = [row["tenant_id"] for row in await connection.fetch(QUERIES.restore)]
            await self._outbox.write(connection, *map(tenant_restored, restored))
        return restored

    async def close(self, tenant_id: UUID) -> None:
        """Hold what was accepted until now against the tenant no more: it was paused for it."""
        await self._database.execute(QUERIES.close, tenant_id, _first_id(timedelta(0)))


def _first_id(ago: timedelta) -> UUID:
    """Give the least id of an email accepted so long ago; milliseconds come first in it (RFC 9562 §5.7)."""
    milliseconds = int((time.time() - ago.total_seconds()) * 1_000)
    return UUID(int=milliseconds << 80)
