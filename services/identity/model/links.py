"""Links to one domain's page, as values."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Link:
    """A link to one domain's page, without its token."""

    id: UUID
    claim_id: UUID
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to store, with the hash of its token; without `expires_at` it expires after LINK_AGE."""

    id: UUID
    claim_id: UUID
    name: str
    digest: bytes
    hint: str
    expires_at: datetime | None
