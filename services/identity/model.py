"""Tenants, keys, claims and identities as values, and the rules about them that need nothing but themselves.

Not for what is true of a domain in DNS: that is verifier's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class TenantState(StrEnum):
    """Whether a tenant may send."""

    ACTIVE = "ACTIVE"  # may send
    PAUSED = "PAUSED"  # may read, but neither send nor create


class UnreadyPolicy(StrEnum):
    """What happens to email from a domain that is not ready."""

    REFUSE = "REFUSE"  # it is refused
    SHARED = "SHARED"  # it leaves through the installation's shared sender


@dataclass(frozen=True, slots=True)
class Limits:
    """The most recipients a second and a day (UTC) of a tenant; None: as the installation has it."""

    max_send_rate: float | None = None
    daily_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What sender lets a tenant send now; `limits` are those in force, None where nothing limits it."""

    limits: Limits
    sent_today: int
    slow_reason: str
    slowed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One team or product."""

    id: UUID
    name: str
    state: TenantState
    unready_policy: UnreadyPolicy
    pause_reason: str
    created_at: datetime
    updated_at: datetime
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class TenantChange:
    """New values of a tenant, of which those count whose fields `paths` names."""

    paths: frozenset[str]
    name: str
    unready_policy: UnreadyPolicy
    limits: Limits


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its token; `scope` is a word of chassis.access.Scope."""

    id: UUID
    tenant_id: UUID
    name: str
    scope: str
    claim_ids: tuple[UUID, ...]
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored: the digest of its token stands for it."""

    id: UUID
    tenant_id: UUID
    name: str
    scope: str
    digest: bytes
    hint: str
    claim_ids: tuple[UUID, ...]
    expires_at: datetime | None


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
    """A link to be stored: the digest of its token stands for it. Without `expires_at` it lives LINK_AGE."""

    id: UUID
    claim_id: UUID
    name: str
    digest: bytes
    hint: str
    expires_at: datetime | None


class Phase(StrEnum):
    """Where a claim stands as to what is asked for; the truth about it is verifier's state."""

    PROVISIONING = "PROVISIONING"  # asked for, and SES not told yet
    ACTIVE = "ACTIVE"  # SES knows; there are records to publish
    DELETING = "DELETING"  # no attempt may begin; open ones end, then the identity goes
    DELETED = "DELETED"  # a tombstone, kept for ever: it makes the next claimant of the name prove it


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
    ownership_token: str


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
    holder: bool
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
