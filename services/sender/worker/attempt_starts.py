"""Records attempt starts just before their POSTs.

When a sender dies, this tells attempts that were never started, and can safely be repeated, from the others.
"""

from collections.abc import Sequence
from uuid import UUID

from chassis.batcher import Batcher
from services.sender.store.queue import QueueStore

MOST = 100  # attempts per statement


class AttemptStarts:
    """Attempt starts of one process; those at about the same time are recorded in one statement."""

    def __init__(self, claims: QueueStore) -> None:
        self._claims = claims
        self._batcher = Batcher(self._begin, most=MOST)

    async def begin(self, attempt_id: UUID) -> bool:
        """Record the start of an attempt; return whether it still has its lease and may be posted."""
        return await self._batcher.submit(attempt_id)

    async def _begin(self, attempt_ids: Sequence[UUID]) -> Sequence[bool]:
        started = await self._claims.begin(attempt_ids)
        return [each in started for each in attempt_ids]
