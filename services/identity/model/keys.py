"""API keys as values. `chassis.access` decides what a key may do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

# How long a rotated key still works.
OVERLAP, LONGEST_OVERLAP = timedelta(days=1), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its token; `scope` is a value of chassis.access.Scope."""

    id: UUID
    tenant_id: UUID
    name: str
    scope: str
    claim_ids: tuple[UUID, ...]
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to store; `digest` is the hash of its token, which is not stored."""

    id: UUID
    tenant_id: UUID
    name: str
    scope: str
    digest: bytes
    hint: str
    claim_ids: tuple[UUID, ...]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key to replace, and the id, digest and hint of the new one; the old one ends after `overlap`."""

    old_id: UUID
    new_id: UUID
    digest: bytes
    hint: str
    overlap: timedelta
