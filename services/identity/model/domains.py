"""Domains as values: a claim on a name, its records, and the states that its tenant sees.

verifier, not this module, evaluates what DNS and SES show for a domain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.identity.model.dmarc import DmarcPolicy
from services.identity.model.messages import explain
from services.identity.model.ownership import Ownership
from services.identity.model.reasons import DomainReason, Explanation


class Phase(StrEnum):
    """The desired state of a claim; verifier keeps its observed state."""

    PROVISIONING = "PROVISIONING"  # requested; SES is not updated yet
    ACTIVE = "ACTIVE"  # SES is up to date, and there are records to publish
    DELETING = "DELETING"  # no new attempts; the identity is deleted once open attempts have ended
    DELETED = "DELETED"  # a tombstone; if the claim was ever READY, the next claimant must prove the name


PHASES: Mapping[Phase, Mapping[Phase, str]] = {
    Phase.PROVISIONING: {
        Phase.ACTIVE: "SES matches the desired state",
        Phase.DELETING: "DeleteDomain was called before SES answered",
    },
    Phase.ACTIVE: {
        Phase.PROVISIONING: "the MAIL FROM label changed, and SES must be updated",
        Phase.DELETING: "DeleteDomain",
    },
    Phase.DELETING: {
        Phase.DELETED: "no attempt is open, and the identity is deleted or serves another claim",
    },
    Phase.DELETED: {},
}


class Purpose(StrEnum):
    """The purpose of a DNS record."""

    DKIM = "DKIM"
    RETURN_PATH = "RETURN_PATH"
    SPF = "SPF"
    INBOUND = "INBOUND"
    DMARC = "DMARC"
    OWNERSHIP = "OWNERSHIP"


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish; names are absolute, without a trailing dot."""

    purpose: Purpose
    ordinal: int
    type: str
    name: str
    value: str
    priority: int
    ttl: int
    required: bool


@dataclass(frozen=True, slots=True)
class NewClaim:
    """A claim to create; `name` is in A-labels, `display_name` is as the user typed it."""

    id: UUID
    tenant_id: UUID
    account: str
    region: str
    name: str
    display_name: str
    mail_from_label: str


@dataclass(frozen=True, slots=True)
class DomainChange:
    """What an update changes of a domain; None keeps the current value."""

    mail_from_label: str | None = None
    dmarc_policy: DmarcPolicy | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with the columns that the store needs to change it."""

    id: UUID
    tenant_id: UUID
    ses_identity_id: UUID
    region: str
    name: str
    mail_from_label: str
    phase: Phase
    ownership: Ownership
    ownership_token: str
    ownership_deadline_at: datetime | None
    generation: int
    revision: int


@dataclass(frozen=True, slots=True)
class Domain:
    """A claim as its tenant sees it; `state` combines identity's phase with verifier's state."""

    id: UUID
    tenant_id: UUID
    name: str
    display_name: str
    region: str
    mail_from_label: str
    state: str
    why: Explanation
    generation: int
    revision: int
    created_at: datetime
    updated_at: datetime
    state_at: datetime
    ownership: Ownership
    ownership_deadline_at: datetime | None
    token_expires_at: datetime | None
    dmarc_policy: DmarcPolicy
    advisory_revision: int
    records: tuple[Record, ...]


STATES = ("PROVISIONING", "PENDING", "READY", "DEGRADED", "LOST", "FAILED", "DELETING", "DELETED")

# Why a domain is in a state about which nothing is stored.
DEFAULT_REASONS: Mapping[str, DomainReason] = {
    "PROVISIONING": DomainReason.PROVISIONING,
    "PENDING": DomainReason.RECORDS_SHOWN,
    "LOST": DomainReason.SUPERSEDED,
    "DELETING": DomainReason.DELETING,
    "DELETED": DomainReason.DELETED,
}


def why_of(state: str, stored: Explanation) -> Explanation:
    """Return why a domain is in its state: what is stored, otherwise the default of the state."""
    if stored.message or state not in DEFAULT_REASONS:
        return stored
    return explain(DEFAULT_REASONS[state])
