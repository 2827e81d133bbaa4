"""Domains as values: a claim on a name, its records, and the states that its tenant sees.

Not for what is true of a domain in DNS: that is verifier's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.identity.model.ownership import Ownership


class Phase(StrEnum):
    """Where a claim stands as to what is asked for; the truth about it is verifier's state."""

    PROVISIONING = "PROVISIONING"  # asked for, and SES not told yet
    ACTIVE = "ACTIVE"  # SES knows; there are records to publish
    DELETING = "DELETING"  # no attempt may begin; open ones end, then the identity goes
    DELETED = "DELETED"  # a tombstone; of one that was READY, it makes the next claimant prove the name


PHASES: Mapping[Phase, Mapping[Phase, str]] = {
    Phase.PROVISIONING: {
        Phase.ACTIVE: "SES has the identity as wanted",
        Phase.DELETING: "a tenant may think better of it before SES answers",
    },
    Phase.ACTIVE: {
        Phase.PROVISIONING: "another MAIL FROM label is asked for, and SES has to be told",
        Phase.DELETING: "DeleteDomain",
    },
    Phase.DELETING: {
        Phase.DELETED: "nothing is on its way, and the identity is gone or serves another claim",
    },
    Phase.DELETED: {},
}


class Purpose(StrEnum):
    """What a record is for."""

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
    """A claim to be made; `name` is in A-labels, `display_name` as typed."""

    id: UUID
    tenant_id: UUID
    account: str
    region: str
    name: str
    display_name: str
    mail_from_label: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as the store's writers need it."""

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
    """A claim as its tenant sees it, with the state that identity and verifier give it together."""

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
    records: tuple[Record, ...]


STATES = ("PROVISIONING", "PENDING", "READY", "DEGRADED", "LOST", "FAILED", "DELETING", "DELETED")

# What a state says for itself where neither identity nor verifier has anything more exact to say.
NOTES: Mapping[str, str] = {
    "PROVISIONING": "SES is being asked for the domain's identity; its DNS records appear here in seconds.",
    "PENDING": "Publish the records shown; they are looked for, and the domain gets ready by itself.",
    "READY": "Email leaves as this domain's own.",
    "DEGRADED": "A record that was right is gone or changed; publish the records shown again.",
    "LOST": "The records stayed broken for 72 hours; publish them, then call VerifyDomain.",
    "FAILED": "The records did not appear within 72 hours; publish them, then call VerifyDomain.",
    "DELETING": "Nothing more is sent; what is on its way ends first, then the identity at SES goes.",
    "DELETED": "This domain is gone; its DNS records can be removed. Create it again to use it again.",
}


def note_of(state: str, note: str) -> str:
    """Returns the sentence shown beside a state."""
    return note or NOTES[state]
