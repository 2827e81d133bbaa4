"""Who may send from a name: the one state machine of ownership, as pure functions of stored facts.

SES shares one identity, and so one set of DNS records, between all tenants of an account. "Verified at SES"
therefore says nothing about which tenant the owner of the DNS means. A claim that nobody disputes is believed
on its records alone; every other one proves itself by a TXT record that names its own token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Ownership(StrEnum):
    """How a claim stands to its name; the words of `Domain.Ownership` and identity.claims."""

    UNDECIDED = "UNDECIDED"  # new: waits for the check that is made before its records are shown
    SOLE = "SOLE"  # nobody disputes the name; no proof is demanded
    PROOF_DUE = "PROOF_DUE"  # must publish its token first; shows nothing else
    CHALLENGER = "CHALLENGER"  # published its token while another tenant sends from the name
    CHALLENGED = "CHALLENGED"  # sends, and must publish a token of its own before a deadline
    PROVEN = "PROVEN"  # published its token; removing it later changes nothing
    SUPERSEDED = "SUPERSEDED"  # lost the name to a tenant that proved it; final


# Claims that may send, provided that their domain is ready; one for each name, by a unique index.
HOLDERS = frozenset({Ownership.SOLE, Ownership.PROVEN, Ownership.CHALLENGED})
# Claims whose token is to be published now.
PROVING = frozenset({Ownership.PROOF_DUE, Ownership.CHALLENGER, Ownership.CHALLENGED})

TRANSITIONS: Mapping[Ownership, Mapping[Ownership, str]] = {
    Ownership.UNDECIDED: {
        Ownership.SOLE: "no rule demands a proof",
        Ownership.PROOF_DUE: "a rule demands a proof",
        Ownership.PROVEN: "an operator adopted it",
    },
    Ownership.SOLE: {
        Ownership.PROOF_DUE: "another tenant claims the name, and nothing shows yet that this one was meant",
        Ownership.CHALLENGED: "another tenant published its token",
        Ownership.SUPERSEDED: "another tenant proved the name while this one did not send, or it gave up",
        Ownership.PROVEN: "an operator adopted it",
    },
    Ownership.PROOF_DUE: {
        Ownership.PROVEN: "its token was found and nobody else sends from the name, or it was adopted",
        Ownership.CHALLENGER: "its token was found, and another tenant sends from the name",
        Ownership.PROOF_DUE: "its token ended unused after a week, and it gets another",
    },
    Ownership.CHALLENGER: {
        Ownership.PROVEN: "the holder is gone, superseded or gave the name up; or an operator adopted it",
        Ownership.PROOF_DUE: "its token is gone, or the challenge ended undecided",
    },
    Ownership.CHALLENGED: {
        Ownership.PROVEN: "its new token was found in time, or it was proven before and the challenge ended",
        Ownership.SOLE: "the challenge ended",
        Ownership.SUPERSEDED: "the deadline passed without its token, or it gave the name up",
    },
    Ownership.PROVEN: {
        Ownership.CHALLENGED: "another tenant published its token, and this one's is not there",
        Ownership.PROOF_DUE: "another tenant proved the name before this one ever was ready",
        Ownership.SUPERSEDED: "another tenant proved the name while this one did not send, or it gave up",
    },
    Ownership.SUPERSEDED: {},
}

CHALLENGE = timedelta(hours=72)  # what a holder has to answer
CHALLENGE_AGE = timedelta(days=7)  # a challenge that DNS lets nobody decide ends then
TOKEN_AGE = timedelta(days=7)  # a token that nobody published ends then
RETURN_AGE = timedelta(days=7)  # the last READY tenant returns without a proof for so long
GONE_CHECKS = 3  # spaced checks without a token, after which it counts as gone


class Precheck(StrEnum):
    """What DNS said of a claim's DKIM records before they were shown; as in verifier.dkim_prechecks."""

    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    INCONCLUSIVE = "INCONCLUSIVE"


class Cause(StrEnum):
    """Why ownership changed; kept in the history, and the key to what people read."""

    CREATED = "CREATED"
    UNCONTESTED = "UNCONTESTED"
    CONTESTED = "CONTESTED"
    READY_BEFORE = "READY_BEFORE"
    RECORDS_BEFORE = "RECORDS_BEFORE"
    DNS_INCONCLUSIVE = "DNS_INCONCLUSIVE"
    MAIL_FROM_NAME = "MAIL_FROM_NAME"
    RETURNED = "RETURNED"
    TOKEN_FOUND = "TOKEN_FOUND"  # noqa: S105 - a word, not a secret
    TOKEN_GONE = "TOKEN_GONE"  # noqa: S105
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105
    ANOTHER_PROVED = "ANOTHER_PROVED"
    CHALLENGE_WITHDRAWN = "CHALLENGE_WITHDRAWN"
    CHALLENGE_EXPIRED = "CHALLENGE_EXPIRED"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    HOLDER_GONE = "HOLDER_GONE"
    RELEASED = "RELEASED"
    ADOPTED = "ADOPTED"


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """What the name servers last said of a claim's current token."""

    found: bool
    missing_checks: int  # the run of spaced checks in which it was seen not to be there
    checked_at: datetime

    @property
    def missed(self) -> bool:
        """Whether the token was seen not to be there, be it once."""
        return not self.found and self.missing_checks > 0

    @property
    def gone(self) -> bool:
        """Whether the token was seen missing often enough to be believed gone."""
        return not self.found and self.missing_checks >= GONE_CHECKS


@dataclass(frozen=True, slots=True)
class Contender:
    """A live claim on a name, with everything that its ownership rests on.

    `state` and `dkim_good` are what verifier last held of it, of whichever generation; '' is nothing yet.
    `adopted` says that an operator vouches for it and that this is not done yet.
    """

    claim_id: UUID
    tenant_id: UUID
    ownership: Ownership
    since: datetime
    before: Ownership | None
    deadline_at: datetime | None
    token_at: datetime | None
    adopted: bool
    state: str
    dkim_good: bool
    dkim_found: bool
    ever_ready: bool
    others_open: bool  # an attempt of another tenant under the name is open
    precheck: Precheck | None
    check: TokenCheck | None

    @property
    def holds(self) -> bool:
        """Whether the claim may send once its domain is ready."""
        return self.ownership in HOLDERS

    @property
    def sends(self) -> bool:
        """Whether the claim sends as itself now."""
        return self.holds and (self.state == "READY" or (self.state == "DEGRADED" and self.dkim_good))

    @property
    def shown(self) -> bool:
        """Whether DNS showed that its owner meant this claim before any rival could be meant instead."""
        return self.state in ("READY", "DEGRADED") or self.dkim_found

    @property
    def token_found(self) -> bool:
        """Whether its current token is in DNS."""
        return self.check is not None and self.check.found

    @property
    def token_missed(self) -> bool:
        """Whether its current token was seen not to be in DNS, be it once."""
        return self.check is not None and self.check.missed

    @property
    def token_gone(self) -> bool:
        """Whether its current token is surely not in DNS."""
        return self.check is not None and self.check.gone


@dataclass(frozen=True, slots=True)
class Reign:
    """A claim that was READY once, of whichever tenant; `deleted_at` when its tenant asked to delete it."""

    tenant_id: UUID
    ownership: Ownership
    ready_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    """What a name has seen: claims that were READY once, and when each other tenant last claimed it."""

    reigns: tuple[Reign, ...] = ()
    claimed: Mapping[UUID, datetime] | None = None

    def ready_before(self, tenant_id: UUID) -> bool:
        """Whether another tenant was ever READY on the name."""
        return any(reign.tenant_id != tenant_id for reign in self.reigns)

    def returns(self, tenant_id: UUID, now: datetime) -> bool:
        """Whether the tenant was the last to be READY, and deleted its domain lately with no claim since."""
        last = max(self.reigns, key=lambda reign: reign.ready_at, default=None)
        if last is None or last.tenant_id != tenant_id or last.deleted_at is None:
            return False
        others = (at for other, at in (self.claimed or {}).items() if other != tenant_id)
        return (
            last.ownership is not Ownership.SUPERSEDED
            and now - last.deleted_at <= RETURN_AGE
            and all(at < last.deleted_at for at in others)
        )


@dataclass(frozen=True, slots=True)
class Move:
    """A change of one claim's ownership. A demand brings a new token, other records a new generation."""

    claim_id: UUID
    before: Ownership
    after: Ownership
    cause: Cause
    deadline_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.after not in TRANSITIONS[self.before]:
            raise ValueError(f"ownership does not go from {self.before} to {self.after}")

    @property
    def renews_token(self) -> bool:
        """Whether the claim gets a new token: each demand has its own."""
        return self.after in (Ownership.PROOF_DUE, Ownership.CHALLENGED)

    @property
    def renews_records(self) -> bool:
        """Whether other records are shown from now on, so that a new generation begins."""
        if self.before is Ownership.UNDECIDED:  # the first ones
            return False
        began_again = self.before is Ownership.CHALLENGER and self.after is Ownership.PROOF_DUE
        return began_again or (self.before in HOLDERS) != (self.after in HOLDERS)
