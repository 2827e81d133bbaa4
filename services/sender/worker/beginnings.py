"""Marks attempts as begun just before their POSTs: what a dead sender never began is told from the rest."""

from collections.abc import Sequence
from uuid import UUID

from chassis.gathering import Gathering
from services.sender.store.claims import ClaimStore

MOST = 100  # attempts of one statement


class Beginnings:
    """Those of one process; attempts that begin at about the same time are marked together."""

    def __init__(self, claims: ClaimStore) -> None:
        self._claims = claims
        self._gathering = Gathering(self._begin, most=MOST)

    async def begin(self, attempt_id: UUID) -> bool:
        """Say whether the POST may go: its attempt is still ours, and from now on counts as begun."""
        return await self._gathering.ask(attempt_id)

    async def _begin(self, attempt_ids: Sequence[UUID]) -> Sequence[bool]:
        begun = await self._claims.begin(attempt_ids)
        return [each in begun for each in attempt_ids]
