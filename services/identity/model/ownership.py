"""Who may send from a name: the one state machine of ownership, as pure functions of stored facts.

SES shares one identity, and so one set of DNS records, between all tenants of an account. "Verified at SES"
therefore says nothing about which tenant the owner of the DNS means. A claim that nobody disputes is believed
on its records alone; every other one proves itself by a TXT record that names its own token.
"""

from collections.abc import Iterable, Mapping, Sequence
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


def demand(
    tenant_id: UUID, others: Iterable[Contender], past: Past, now: datetime, *, mail_from_name: bool = False
) -> Cause | None:
    """Return why a new claim must prove itself, as far as is known without DNS; None: no reason yet."""
    if any(other.tenant_id != tenant_id and other.ownership is not Ownership.SUPERSEDED for other in others):
        return Cause.CONTESTED
    if mail_from_name:
        return Cause.MAIL_FROM_NAME
    if past.ready_before(tenant_id) and not past.returns(tenant_id, now):
        return Cause.READY_BEFORE
    return None


def contested_by_new(rivals: Iterable[Contender]) -> list[Move]:
    """Return what another tenant's new claim changes for the live claims on its name."""
    return [
        Move(rival.claim_id, rival.ownership, Ownership.PROOF_DUE, Cause.CONTESTED)
        for rival in rivals
        if rival.ownership in (Ownership.SOLE, Ownership.UNDECIDED) and not rival.shown
    ]


def next_moves(contenders: Sequence[Contender], past: Past, now: datetime) -> list[Move]:
    """Return the changes due now among a name's live claims, in the order they were made.

    Call again with the facts as they are then, until there are none.
    """
    if moves := _decided(contenders, past, now):
        return moves
    for rule in (_adopted, _forfeited, _answered, _overdue, _ended, _withdrawn, _expired):
        if moves := rule(contenders, now):
            return moves
    for claim in contenders:
        if moves := _proved(claim, contenders, now):
            return moves
    return []


def release(holder: Contender, contenders: Iterable[Contender]) -> list[Move]:
    """Return what changes when a holder gives its name up; nothing where no challenger waits for it."""
    if not holder.holds or not any(each.ownership is Ownership.CHALLENGER for each in contenders):
        return []
    return [_superseded(holder, Cause.RELEASED)]


def _adopted(contenders: Sequence[Contender], _now: datetime) -> list[Move]:
    """Let an operator's word stand for the token; other holders and challengers lose what they had."""
    for claim in contenders:
        if not claim.adopted or claim.ownership is Ownership.PROVEN:
            continue
        challengers = [
            Move(each.claim_id, each.ownership, Ownership.PROOF_DUE, Cause.ANOTHER_PROVED)
            for each in contenders
            if each is not claim and each.ownership is Ownership.CHALLENGER
        ]
        return challengers or _take(claim, contenders, Cause.ADOPTED)
    return []


def _decided(contenders: Sequence[Contender], past: Past, now: datetime) -> list[Move]:
    """Decide new claims once DNS was checked for records that nobody had been shown."""
    moves = []
    for claim in contenders:
        if claim.ownership is not Ownership.UNDECIDED or claim.precheck is None:
            continue
        cause = demand(claim.tenant_id, contenders, past, now)
        if cause is None and not past.returns(claim.tenant_id, now):
            cause = {
                Precheck.PRESENT: Cause.RECORDS_BEFORE,
                Precheck.INCONCLUSIVE: Cause.DNS_INCONCLUSIVE,
            }.get(claim.precheck)
        after = Ownership.SOLE if cause is None else Ownership.PROOF_DUE
        returned = Cause.RETURNED if past.ready_before(claim.tenant_id) else Cause.UNCONTESTED
        moves.append(Move(claim.claim_id, claim.ownership, after, cause or returned))
    return moves


def _forfeited(contenders: Sequence[Contender], _now: datetime) -> list[Move]:
    """Demand a proof of an undisputed claim that ended, so that VerifyDomain does not revive it unproven."""
    return [
        Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.CONTESTED)
        for claim in contenders
        if claim.ownership is Ownership.SOLE
        and claim.state in ("FAILED", "LOST")
        and any(
            other.tenant_id != claim.tenant_id and other.ownership is not Ownership.SUPERSEDED
            for other in contenders
        )
    ]


def _answered(contenders: Sequence[Contender], _now: datetime) -> list[Move]:
    """Let a challenged holder keep the name: its new token is there."""
    return [
        Move(claim.claim_id, claim.ownership, Ownership.PROVEN, Cause.TOKEN_FOUND)
        for claim in contenders
        if claim.ownership is Ownership.CHALLENGED and claim.token_found
    ]


def _overdue(contenders: Sequence[Contender], now: datetime) -> list[Move]:
    """Take the name from a challenged holder: after its deadline, or once it cannot send any more."""
    challengers = [
        claim for claim in contenders if claim.ownership is Ownership.CHALLENGER and claim.token_found
    ]
    for claim in contenders:
        if claim.ownership is not Ownership.CHALLENGED or not challengers:
            continue
        if not claim.sends:
            return [_superseded(claim, Cause.ANOTHER_PROVED)]
        deadline = claim.deadline_at
        if deadline is None or now < deadline or not claim.token_gone:
            continue
        if any(each.check is not None and each.check.checked_at >= deadline for each in challengers):
            return [_superseded(claim, Cause.DEADLINE_PASSED)]
    return []


def _ended(contenders: Sequence[Contender], now: datetime) -> list[Move]:
    """End a challenge that DNS let nobody decide for a week."""
    stale = [
        claim
        for claim in contenders
        if claim.ownership is Ownership.CHALLENGED and now - claim.since >= CHALLENGE_AGE
    ]
    if not stale:
        return []
    challengers = [claim for claim in contenders if claim.ownership is Ownership.CHALLENGER]
    return [
        *(_restored(claim, Cause.CHALLENGE_EXPIRED) for claim in stale),
        *(
            Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.CHALLENGE_EXPIRED)
            for claim in challengers
        ),
    ]


def _withdrawn(contenders: Sequence[Contender], _now: datetime) -> list[Move]:
    """End the challenge of a claim whose token is gone, and free a holder whom nobody challenges any more."""
    gone = [claim for claim in contenders if claim.ownership is Ownership.CHALLENGER and claim.token_gone]
    if gone:
        return [Move(each.claim_id, each.ownership, Ownership.PROOF_DUE, Cause.TOKEN_GONE) for each in gone]
    if any(claim.ownership is Ownership.CHALLENGER for claim in contenders):
        return []
    return [
        _restored(claim, Cause.CHALLENGE_WITHDRAWN)
        for claim in contenders
        if claim.ownership is Ownership.CHALLENGED
    ]


def _expired(contenders: Sequence[Contender], now: datetime) -> list[Move]:
    """Replace tokens that nobody published for a week."""
    return [
        Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.TOKEN_EXPIRED)
        for claim in contenders
        if claim.ownership is Ownership.PROOF_DUE
        and not claim.token_found
        and claim.token_at is not None
        and now - claim.token_at >= TOKEN_AGE
    ]


def _proved(claim: Contender, contenders: Sequence[Contender], now: datetime) -> list[Move]:
    """Return what a token that was found brings about."""
    if claim.ownership not in (Ownership.PROOF_DUE, Ownership.CHALLENGER) or not claim.token_found:
        return []
    sender = next((other for other in contenders if other.sends and other is not claim), None)
    if sender is None:
        cause = Cause.TOKEN_FOUND if claim.ownership is Ownership.PROOF_DUE else Cause.HOLDER_GONE
        return _take(claim, contenders, cause)
    return [*_challenging(claim), *_challenged(claim, sender, now)]


def _challenging(claim: Contender) -> list[Move]:
    if claim.ownership is Ownership.CHALLENGER:
        return []
    return [Move(claim.claim_id, claim.ownership, Ownership.CHALLENGER, Cause.TOKEN_FOUND)]


def _challenged(claim: Contender, holder: Contender, now: datetime) -> list[Move]:
    """Give the holder its time. One that answered this challenge keeps the name while its token is there."""
    answered = claim.ownership is Ownership.CHALLENGER and holder.ownership is Ownership.PROVEN
    if holder.ownership is Ownership.CHALLENGED or (answered and not holder.token_gone):
        return []
    return [
        Move(
            holder.claim_id,
            holder.ownership,
            Ownership.CHALLENGED,
            Cause.ANOTHER_PROVED,
            deadline_at=now + CHALLENGE,
        )
    ]


def _take(claim: Contender, contenders: Sequence[Contender], cause: Cause) -> list[Move]:
    """Give a claim the name, once nobody else holds it and none of their attempts is open."""
    if displaced := [_displaced(each) for each in contenders if each is not claim and each.holds]:
        return displaced
    if claim.others_open:
        return []
    return [Move(claim.claim_id, claim.ownership, Ownership.PROVEN, cause)]


def _displaced(claim: Contender) -> Move:
    """Take the name from a holder: for good if it ever was ready, else until it proves itself."""
    if claim.ever_ready or claim.ownership is Ownership.CHALLENGED:
        return _superseded(claim, Cause.ANOTHER_PROVED)
    return Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.ANOTHER_PROVED)


def _superseded(claim: Contender, cause: Cause) -> Move:
    return Move(claim.claim_id, claim.ownership, Ownership.SUPERSEDED, cause)


def _restored(claim: Contender, cause: Cause) -> Move:
    return Move(claim.claim_id, claim.ownership, claim.before or Ownership.PROVEN, cause)
