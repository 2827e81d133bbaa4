"""Reads the domain that a test email is requested for."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Database, Queries
from services.sender.model.origin import signs

QUERIES = Queries.load(Path(__file__).with_name("test_emails.sql"))


@dataclass(frozen=True, slots=True)
class Subject:
    """The domain of a test email; `signs`: it can send as itself; `pause_reason`: its tenant is paused."""

    claim_id: UUID
    tenant_id: UUID
    name: str
    return_path: str
    state: str
    signs: bool
    pause_reason: str | None


class TestEmailStore:
    """Reads domains by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, claim_id: UUID, sees: Visibility) -> Subject | None:
        """Return a live domain that the caller may see; None if there is no such domain."""
        row = await self._database.fetchrow(*QUERIES.find_domain(claim_id=claim_id, **sees.filter))
        if row is None:
            return None
        can_sign = signs(row["state"], dkim_valid=row["dkim_valid"])
        return Subject(
            claim_id,
            row["tenant_id"],
            row["name"],
            row["return_path"],
            row["state"],
            can_sign,
            row["pause_reason"],
        )
