"""The rules that change a name's ownership: pure functions of all live claims on the name."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.identity.model.ownership import (
    CHALLENGE,
    CHALLENGE_AGE,
    TOKEN_AGE,
    Cause,
    LiveClaim,
    Move,
    Ownership,
    Past,
    Precheck,
)


def demand(
    tenant_id: UUID, others: Iterable[LiveClaim], past: Past, now: datetime, *, mail_from_name: bool = False
) -> Cause | None:
    """Return why a new claim must prove control of its name, judging without DNS; None if no rule applies."""
    if any(other.tenant_id != tenant_id and other.ownership is not Ownership.SUPERSEDED for other in others):
        return Cause.CONTESTED
    if mail_from_name:
        return Cause.MAIL_FROM_NAME
    if past.ready_before(tenant_id) and not past.returns(tenant_id, now):
        return Cause.READY_BEFORE
    return None


def contested_by_new(rivals: Iterable[LiveClaim]) -> list[Move]:
    """Return the moves that another tenant's new claim causes among the live claims on its name."""
    return [
        Move(rival.claim_id, rival.ownership, Ownership.PROOF_DUE, Cause.CONTESTED)
        for rival in rivals
        if rival.ownership in (Ownership.SOLE, Ownership.UNDECIDED) and not rival.shown
    ]


def next_moves(live_claims: Sequence[LiveClaim], past: Past, now: datetime) -> list[Move]:
    """Return the moves that are due now among a name's live claims, which are in order of creation.

    One call applies one rule. Apply its moves, then call again with the new state until the list is empty.
    """
    if moves := _decided(live_claims, past, now):
        return moves
    for rule in (_adopted, _forfeited, _answered, _overdue, _ended, _withdrawn, _expired):
        if moves := rule(live_claims, now):
            return moves
    for claim in live_claims:
        if moves := _proved(claim, live_claims, now):
            return moves
    return []


def release(holder: LiveClaim, live_claims: Iterable[LiveClaim]) -> list[Move]:
    """Return the moves when a holder gives up its name; empty if no challenger waits for the name."""
    if not holder.holds or not any(each.ownership is Ownership.CHALLENGER for each in live_claims):
        return []
    return [_superseded(holder, Cause.RELEASED)]


def _adopted(live_claims: Sequence[LiveClaim], _now: datetime) -> list[Move]:
    """Give the name to a claim that an operator adopted, after demoting its holder and challengers."""
    for claim in live_claims:
        if not claim.adopted or claim.ownership in (Ownership.PROVEN, Ownership.SUPERSEDED):
            continue
        challengers = [
            Move(each.claim_id, each.ownership, Ownership.PROOF_DUE, Cause.ANOTHER_PROVED)
            for each in live_claims
            if each is not claim and each.ownership is Ownership.CHALLENGER
        ]
        return challengers or _take(claim, live_claims, Cause.ADOPTED)
    return []


def _decided(live_claims: Sequence[LiveClaim], past: Past, now: datetime) -> list[Move]:
    """Decide new claims once DNS was checked for their DKIM records, before those were shown to anyone."""
    moves = []
    for claim in live_claims:
        if claim.ownership is not Ownership.UNDECIDED or claim.precheck is None:
            continue
        cause = demand(claim.tenant_id, live_claims, past, now)
        if cause is None and not past.returns(claim.tenant_id, now):
            cause = {
                Precheck.PRESENT: Cause.RECORDS_BEFORE,
                Precheck.INCONCLUSIVE: Cause.DNS_INCONCLUSIVE,
            }.get(claim.precheck)
        after = Ownership.SOLE if cause is None else Ownership.PROOF_DUE
        returned = Cause.RETURNED if past.ready_before(claim.tenant_id) else Cause.UNCONTESTED
        moves.append(Move(claim.claim_id, claim.ownership, after, cause or returned))
    return moves


def _forfeited(live_claims: Sequence[LiveClaim], _now: datetime) -> list[Move]:
    """Demand proof of a SOLE claim that failed while a rival exists.

    Without this rule, VerifyDomain would revive the claim without proof.
    """
    return [
        Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.CONTESTED)
        for claim in live_claims
        if claim.ownership is Ownership.SOLE
        and claim.state in ("FAILED", "LOST")
        and any(
            other.tenant_id != claim.tenant_id and other.ownership is not Ownership.SUPERSEDED
            for other in live_claims
        )
    ]


def _answered(live_claims: Sequence[LiveClaim], _now: datetime) -> list[Move]:
    """Let a challenged holder keep the name once its new token is found."""
    return [
        Move(claim.claim_id, claim.ownership, Ownership.PROVEN, Cause.TOKEN_FOUND)
        for claim in live_claims
        if claim.ownership is Ownership.CHALLENGED and claim.token_found
    ]


def _overdue(live_claims: Sequence[LiveClaim], now: datetime) -> list[Move]:
    """Take the name from a challenged holder whose deadline has passed or that can no longer send."""
    challengers = [
        claim for claim in live_claims if claim.ownership is Ownership.CHALLENGER and claim.token_found
    ]
    for claim in live_claims:
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


def _ended(live_claims: Sequence[LiveClaim], now: datetime) -> list[Move]:
    """End a challenge that DNS could not decide within CHALLENGE_AGE."""
    expired = [
        claim
        for claim in live_claims
        if claim.ownership is Ownership.CHALLENGED and now - claim.since >= CHALLENGE_AGE
    ]
    if not expired:
        return []
    challengers = [claim for claim in live_claims if claim.ownership is Ownership.CHALLENGER]
    return [
        *(_restored(claim, Cause.CHALLENGE_EXPIRED) for claim in expired),
        *(
            Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.CHALLENGE_EXPIRED)
            for claim in challengers
        ),
    ]


def _withdrawn(live_claims: Sequence[LiveClaim], _now: datetime) -> list[Move]:
    """Withdraw challengers whose token is gone, and restore a holder that has no challenger left."""
    gone = [claim for claim in live_claims if claim.ownership is Ownership.CHALLENGER and claim.token_gone]
    if gone:
        return [Move(each.claim_id, each.ownership, Ownership.PROOF_DUE, Cause.TOKEN_GONE) for each in gone]
    if any(claim.ownership is Ownership.CHALLENGER for claim in live_claims):
        return []
    return [
        _restored(claim, Cause.CHALLENGE_WITHDRAWN)
        for claim in live_claims
        if claim.ownership is Ownership.CHALLENGED
    ]


def _expired(live_claims: Sequence[LiveClaim], now: datetime) -> list[Move]:
    """Replace tokens that were not published within TOKEN_AGE."""
    return [
        Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.TOKEN_EXPIRED)
        for claim in live_claims
        if claim.ownership is Ownership.PROOF_DUE
        and not claim.token_found
        and claim.token_at is not None
        and now - claim.token_at >= TOKEN_AGE
    ]


def _proved(claim: LiveClaim, live_claims: Sequence[LiveClaim], now: datetime) -> list[Move]:
    """Return the moves that follow when a claim's token is found."""
    if claim.ownership not in (Ownership.PROOF_DUE, Ownership.CHALLENGER) or not claim.token_found:
        return []
    sender = next((other for other in live_claims if other.sends and other is not claim), None)
    if sender is None:
        cause = Cause.TOKEN_FOUND if claim.ownership is Ownership.PROOF_DUE else Cause.HOLDER_GONE
        return _take(claim, live_claims, cause)
    return [*_challenging(claim), *_challenged(claim, sender, now)]


def _challenging(claim: LiveClaim) -> list[Move]:
    if claim.ownership is Ownership.CHALLENGER:
        return []
    return [Move(claim.claim_id, claim.ownership, Ownership.CHALLENGER, Cause.TOKEN_FOUND)]


def _challenged(claim: LiveClaim, holder: LiveClaim, now: datetime) -> list[Move]:
    """Challenge the holder, unless it already answered this challenge and its token is still in DNS.

    The first check that misses the token starts the 72 hours, so a holder that removes its token gets no
    more time than any other holder.
    """
    answered = claim.ownership is Ownership.CHALLENGER and holder.ownership is Ownership.PROVEN
    if holder.ownership is Ownership.CHALLENGED or (answered and not holder.token_missed):
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


def _take(claim: LiveClaim, live_claims: Sequence[LiveClaim], cause: Cause) -> list[Move]:
    """Give a claim the name once no other claim holds it and no attempt of another tenant is open."""
    if displaced := [_displaced(each) for each in live_claims if each is not claim and each.holds]:
        return displaced
    if claim.others_open:
        return []
    return [Move(claim.claim_id, claim.ownership, Ownership.PROVEN, cause)]


def _displaced(claim: LiveClaim) -> Move:
    """Supersede a holder that was ever ready; otherwise demand proof, so that it can win the name back."""
    if claim.ever_ready or claim.ownership is Ownership.CHALLENGED:
        return _superseded(claim, Cause.ANOTHER_PROVED)
    return Move(claim.claim_id, claim.ownership, Ownership.PROOF_DUE, Cause.ANOTHER_PROVED)


def _superseded(claim: LiveClaim, cause: Cause) -> Move:
    return Move(claim.claim_id, claim.ownership, Ownership.SUPERSEDED, cause)


def _restored(claim: LiveClaim, cause: Cause) -> Move:
    return Move(claim.claim_id, claim.ownership, claim.before or Ownership.PROVEN, cause)
