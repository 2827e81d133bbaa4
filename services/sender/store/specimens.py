"""What sender reads of the domain that a test email is asked for."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries
from services.sender.model.origin import signs
from services.sender.store.changes import Sight

QUERIES = Queries.load(Path(__file__).with_name("specimens.sql"))


@dataclass(frozen=True, slots=True)
class Subject:
    """A domain to be shown; `signs` says whether it sends as itself now."""

    claim_id: UUID
    tenant_id: UUID
    name: str
    return_path: str
    state: str
    signs: bool


class SpecimenStore:
    """Reads domains by their id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, claim_id: UUID, sight: Sight) -> Subject | None:
        """Give a domain that the caller may see; None when there is none."""
        if sight.claim_ids and claim_id not in sight.claim_ids:
            return None
        row = await self._database.fetchrow(QUERIES.find_domain, claim_id, sight.tenant_id)
        if row is None:
            return None
        good = signs(row["state"], dkim_good=row["dkim_good"])
        return Subject(claim_id, row["tenant_id"], row["name"], row["return_path"], row["state"], good)
