"""What sender reads of the domain that a test email is asked for."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Database, Queries
from services.sender.model.origin import signs

QUERIES = Queries.load(Path(__file__).with_name("specimens.sql"))


@dataclass(frozen=True, slots=True)
class Subject:
    """A domain to be shown; `signs`: it sends as itself now; `pause_reason`: its tenant may not send."""

    claim_id: UUID
    tenant_id: UUID
    name: str
    return_path: str
    state: str
    signs: bool
    pause_reason: str | None


class SpecimenStore:
    """Reads domains by their id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, claim_id: UUID, sees: Visibility) -> Subject | None:
        """Give a domain that the caller may see; None when there is none."""
        row = await self._database.fetchrow(QUERIES.find_domain, claim_id, *sees.conditions)
        if row is None:
            return None
        good = signs(row["state"], dkim_good=row["dkim_good"])
        return Subject(
            claim_id,
            row["tenant_id"],
            row["name"],
            row["return_path"],
            row["state"],
            good,
            row["pause_reason"],
        )
