"""The ownership state machine, which decides who may send from a name: pure functions of stored data.

SES keeps one identity, and so one set of DNS records, for all tenants of an account. "Verified at SES"
therefore does not say which tenant the owner of the DNS has authorized. An undisputed claim needs only its
DNS records; any other claim proves itself with a TXT record that contains its own token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Ownership(StrEnum):
    """The ownership status of a claim; the values of `Domain.Ownership` and identity.claims.ownership."""

    UNDECIDED = "UNDECIDED"  # new: waits for the DNS check that runs before its records are shown
    SOLE = "SOLE"  # undisputed; no proof is required
    PROOF_DUE = "PROOF_DUE"  # must publish its token first; no other record is shown
    CHALLENGER = "CHALLENGER"  # published its token while another tenant sends from the name
    CHALLENGED = "CHALLENGED"  # still sends, and must publish its own token before a deadline
    PROVEN = "PROVEN"  # published its token; removing it later changes nothing
    SUPERSEDED = "SUPERSEDED"  # lost the name to a tenant that proved it; final


# Claims that may send once their domain is ready. A unique index allows one per name.
HOLDERS = frozenset({Ownership.SOLE, Ownership.PROVEN, Ownership.CHALLENGED})
# Claims whose tenant must publish the token.
PROVING = frozenset({Ownership.PROOF_DUE, Ownership.CHALLENGER, Ownership.CHALLENGED})

TRANSITIONS: Mapping[Ownership, Mapping[Ownership, str]] = {
    Ownership.UNDECIDED: {
        Ownership.SOLE: "no rule requires proof",
        Ownership.PROOF_DUE: "a rule requires proof",
        Ownership.PROVEN: "an operator adopted it",
    },
    Ownership.SOLE: {
        Ownership.PROOF_DUE: "another tenant claims the name before DNS showed a DKIM record of this claim",
        Ownership.CHALLENGED: "another tenant published its token",
        Ownership.SUPERSEDED: "it could not send when another tenant proved the name, or it was released",
        Ownership.PROVEN: "an operator adopted it",
    },
    Ownership.PROOF_DUE: {
        Ownership.PROVEN: "its token was found and no other tenant sends from the name, or it was adopted",
        Ownership.CHALLENGER: "its token was found, and another tenant sends from the name",
        Ownership.PROOF_DUE: "its token expired unused after a week and was replaced",
    },
    Ownership.CHALLENGER: {
        Ownership.PROVEN: "the holder was deleted, superseded or released the name, or this one was adopted",
        Ownership.PROOF_DUE: "its token was removed, or the challenge expired undecided",
    },
    Ownership.CHALLENGED: {
        Ownership.PROVEN: "its new token was found in time, or it was proven before and the challenge ended",
        Ownership.SOLE: "the challenge ended",
        Ownership.SUPERSEDED: "the deadline passed without its token, or it was released",
    },
    Ownership.PROVEN: {
        Ownership.CHALLENGED: "another tenant published its token, and this one's token is missing",
        Ownership.PROOF_DUE: "another tenant proved the name before this one was ever ready",
        Ownership.SUPERSEDED: "it could not send when another tenant proved the name, or it was released",
    },
    Ownership.SUPERSEDED: {},
}

CHALLENGE = timedelta(hours=72)  # time that a challenged holder has to publish its new token
CHALLENGE_AGE = timedelta(days=7)  # age at which an undecided challenge expires
TOKEN_AGE = timedelta(days=7)  # age at which an unpublished token expires
RETURN_AGE = timedelta(days=7)  # how long after its deletion the last READY tenant may return without proof
GONE_CHECKS = 3  # consecutive spaced checks that must miss a token before it counts as removed


class Precheck(StrEnum):
    """The outcome of the DNS check for a claim's DKIM records before they were shown to anyone.

    The values are those of verifier.dkim_prechecks.
    """

    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    INCONCLUSIVE = "INCONCLUSIVE"


class Cause(StrEnum):
    """Why ownership changed; stored in the history and used to choose the message that users read."""

    CREATED = "CREATED"
    UNCONTESTED = "UNCONTESTED"
    CONTESTED = "CONTESTED"
    READY_BEFORE = "READY_BEFORE"
    RECORDS_BEFORE = "RECORDS_BEFORE"
    DNS_INCONCLUSIVE = "DNS_INCONCLUSIVE"
    MAIL_FROM_NAME = "MAIL_FROM_NAME"
    RETURNED = "RETURNED"
    TOKEN_FOUND = "TOKEN_FOUND"  # noqa: S105 - an enum value, not a secret
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
    """The latest DNS check for a claim's current token."""

    found: bool
    missing_checks: int  # consecutive spaced checks that did not find it
    checked_at: datetime

    @property
    def missed(self) -> bool:
        """Return whether at least one check did not find the token since it was last found."""
        return not self.found and self.missing_checks > 0

    @property
    def gone(self) -> bool:
        """Return whether enough checks missed the token to treat it as removed."""
        return not self.found and self.missing_checks >= GONE_CHECKS


@dataclass(frozen=True, slots=True)
class LiveClaim:
    """A live claim on a name, with all inputs of the ownership rules.

    `state` and `dkim_valid` are verifier's latest values, whatever their generation; '' means none yet.
    `adopted` means that an operator adopted the claim and that the move to PROVEN is still due.
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
    dkim_valid: bool
    dkim_found: bool
    ever_ready: bool
    others_open: bool  # another tenant has an open attempt under the name
    precheck: Precheck | None
    check: TokenCheck | None

    @property
    def holds(self) -> bool:
        """Return whether the claim may send once its domain is ready."""
        return self.ownership in HOLDERS

    @property
    def sends(self) -> bool:
        """Return whether the claim can send as itself now."""
        return self.holds and (self.state == "READY" or (self.state == "DEGRADED" and self.dkim_valid))

    @property
    def shown(self) -> bool:
        """Return whether DNS has shown that the owner of the name authorized this claim."""
        return self.state in ("READY", "DEGRADED") or self.dkim_found

    @property
    def token_found(self) -> bool:
        """Return whether the claim's current token is in DNS."""
        return self.check is not None and self.check.found

    @property
    def token_missed(self) -> bool:
        """Return whether at least one check did not find the claim's current token."""
        return self.check is not None and self.check.missed

    @property
    def token_gone(self) -> bool:
        """Return whether the claim's current token counts as removed from DNS."""
        return self.check is not None and self.check.gone


@dataclass(frozen=True, slots=True)
class ReadyClaim:
    """A claim of any tenant that was once READY; `deleted_at` is when DeleteDomain was called for it."""

    tenant_id: UUID
    ownership: Ownership
    ready_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    """A name's history: claims that were once READY, and when each tenant last claimed the name."""

    ready_claims: tuple[ReadyClaim, ...] = ()
    claimed: Mapping[UUID, datetime] | None = None

    def ready_before(self, tenant_id: UUID) -> bool:
        """Return whether another tenant was ever READY on the name."""
        return any(reign.tenant_id != tenant_id for reign in self.ready_claims)

    def returns(self, tenant_id: UUID, now: datetime) -> bool:
        """Return whether the tenant may claim the name again without proof.

        It may if it was the last to be READY, deleted its domain within RETURN_AGE and no other tenant has
        claimed the name since.
        """
        last = max(self.ready_claims, key=lambda reign: reign.ready_at, default=None)
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
    """One change of a claim's ownership, which may renew its token or its records."""

    claim_id: UUID
    before: Ownership
    after: Ownership
    cause: Cause
    deadline_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.after not in TRANSITIONS[self.before]:
            raise ValueError(f"ownership cannot change from {self.before} to {self.after}")

    @property
    def renews_token(self) -> bool:
        """Return whether the claim gets a new token, as it does each time it must prove itself."""
        return self.after in (Ownership.PROOF_DUE, Ownership.CHALLENGED)

    @property
    def renews_records(self) -> bool:
        """Return whether the records shown change, which starts a new generation."""
        if self.before is Ownership.UNDECIDED:  # its first records are not a change
            return False
        restarted = self.before is Ownership.CHALLENGER and self.after is Ownership.PROOF_DUE
        return restarted or (self.before in HOLDERS) != (self.after in HOLDERS)
