"""Verifications and the SES account as callers may read them, in Postgres. Changes no state."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Database, Queries, Record
from services.verifier.model.ownership import HOLDERS
from services.verifier.model.states import GRACE

QUERIES = Queries.load(Path(__file__).with_name("views.sql"))


class ViewStore:
    """Queries on behalf of callers, restricted by their visibility filter; any account and region."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_verification(self, claim_id: UUID, sees: Visibility) -> Record | None:
        """Return a domain in any phase with its verification; None if the caller sees no such domain."""
        return await self._database.fetchrow(*QUERIES.get_verification(claim_id=claim_id, **sees.filter))

    async def get_checks(self, claim_id: UUID, generation: int, sees: Visibility) -> Sequence[Record]:
        """Return the records of a domain with the last check of each."""
        checks = QUERIES.get_checks(claim_id=claim_id, generation=generation, **sees.filter)
        return await self._database.fetch(*checks)

    async def get_proof(self, claim_id: UUID, sees: Visibility) -> Record | None:
        """Return the ownership token of a domain with its last check; None if it has no token."""
        return await self._database.fetchrow(*QUERIES.get_proof(claim_id=claim_id, **sees.filter))

    async def mark_due(self, claim_id: UUID, sees: Visibility) -> None:
        """Make a domain's DNS check due now; FAILED and LOST get a new deadline. Change no state."""
        await self._database.execute(*QUERIES.mark_due(claim_id=claim_id, grace=GRACE, **sees.filter))

    async def mark_watched(self, claim_id: UUID, sees: Visibility, duration: timedelta) -> bool:
        """Keep a domain watched for a time; return whether the row was updated."""
        statement = QUERIES.mark_watched(claim_id=claim_id, duration=duration, **sees.filter)
        return await self._database.execute(*statement) == "UPDATE 1"

    async def list_transitions(
        self, claim_id: UUID, sees: Visibility, after: UUID | None, limit: int
    ) -> Sequence[Record]:
        """Return a domain's changes of state, newest first, starting after the given id."""
        page = QUERIES.list_transitions(claim_id=claim_id, after=after, limit=limit, **sees.filter)
        return await self._database.fetch(*page)

    async def list_accounts(self, sees: Visibility) -> Sequence[Record]:
        """Return the SES account of each region; tenants get only its region and state."""
        return await self._database.fetch(*QUERIES.list_accounts(of_installation=sees.of_installation))

    async def longest_waits(self) -> Mapping[str, timedelta]:
        """Return how long domains whose records are all found have waited for SES, by region."""
        query = QUERIES.longest_waits(holders=sorted(HOLDERS))
        return {row["region"]: row["waited"] for row in await self._database.fetch(*query)}
