"""Domains as values: a claim on a name, its records, and the states that its tenant sees.

verifier, not this module, evaluates what DNS and SES show for a domain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.identity.model.dmarc import DmarcPolicy
from services.identity.model.ownership import Ownership


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
    state_note: str
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

# The default message of each state, shown when neither identity nor verifier has a more specific one.
DEFAULT_MESSAGES: Mapping[str, str] = {
    "PROVISIONING": "Letterhead is creating the domain at SES. Its DNS records appear here within seconds.",
    "PENDING": "Publish the records shown. Letterhead checks for them and marks the domain READY.",
    "READY": "Email is sent as this domain.",
    "DEGRADED": "A record that was correct is missing or changed. Publish the records shown again.",
    "LOST": "The records stayed broken for 72 hours. Publish them, then call VerifyDomain.",
    "FAILED": "The records did not appear within 72 hours. Publish them, then call VerifyDomain.",
    "DELETING": "Sending has stopped. Emails in flight finish first, then the SES identity is deleted.",
    "DELETED": "This domain is deleted. Remove its DNS records, or create the domain again to use it.",
}


def message_of(state: str, note: str) -> str:
    """Return the message shown with a state: `note` if set, otherwise the state's default."""
    return note or DEFAULT_MESSAGES[state]
