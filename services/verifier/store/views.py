"""What callers may read of domains and the SES account, in Postgres. Changes no state."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries, Record
from services.verifier.model.states import GRACE

QUERIES = Queries.load(Path(__file__).with_name("views.sql"))


class ViewStore:
    """Reads for the servicer; any account and region."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_verification(self, claim_id: UUID) -> Record | None:
        """Returns a domain in any phase, with what is known of it; None when there is no such claim."""
        return await self._database.fetchrow(QUERIES.get_verification, claim_id)

    async def get_checks(self, claim_id: UUID, generation: int) -> Sequence[Record]:
        """Returns the records of a domain with what was last seen of each."""
        return await self._database.fetch(QUERIES.get_checks, claim_id, generation)

    async def mark_due(self, claim_id: UUID) -> None:
        """Has a domain looked at now; FAILED and LOST get their time again. Changes no state."""
        await self._database.execute(QUERIES.mark_due, claim_id, GRACE)

    async def mark_watched(self, claim_id: UUID, lasts: timedelta) -> bool:
        """Keeps a domain watched for a time; says whether it was marked anew."""
        return await self._database.execute(QUERIES.mark_watched, claim_id, lasts) == "UPDATE 1"

    async def list_transitions(self, claim_id: UUID, after: UUID | None, limit: int) -> Sequence[Record]:
        """Returns a domain's changes of state, newest first, from after the given one on."""
        return await self._database.fetch(QUERIES.list_transitions, claim_id, after, limit)

    async def list_accounts(self) -> Sequence[Record]:
        """Returns what is known of the SES account in each region."""
        return await self._database.fetch(QUERIES.list_accounts)
