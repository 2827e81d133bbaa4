"""Decides what to store after a check, from what is stored of a claim and what the check found. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.verifier.model.evidence import RepairCause, SesIdentity, Wanted, drift, gather
from services.verifier.model.ownership import HOLDERS, ConsecutiveMisses, Ownership
from services.verifier.model.reasons import DomainReason, Explanation
from services.verifier.model.records import Check, Expected, Purpose, RecordStatus
from services.verifier.model.schedule import REPAIRS, next_check, next_ses_check
from services.verifier.model.state_reasons import why_moved, why_state
from services.verifier.model.states import (
    DNS_CONDITIONS,
    SENDING,
    SES_CONDITIONS,
    TRANSITIONS,
    Conditions,
    Evidence,
    State,
    VerificationStatus,
    count_failed_check,
    evaluate,
)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a claim as it was shown, by its position; only required records affect readiness.

    `advisory_revision` tells the versions of an advisory record apart; that of a required record is always 1.
    """

    position: int
    expected: Expected
    required: bool
    advisory_revision: int = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim and generation that a check or a decision is about."""

    claim_id: UUID
    tenant_id: UUID
    name: str
    generation: int


@dataclass(frozen=True, slots=True)
class Case:
    """Everything stored of a claim, and the database time at which it was read."""

    claim: Claim
    ownership: Ownership
    may_own: bool
    token: str  # to be checked in DNS; empty when nothing depends on it
    missing: ConsecutiveMisses
    wanted: Wanted
    verification: VerificationStatus
    why: Explanation[DomainReason]
    statuses: tuple[tuple[Purpose, RecordStatus], ...]  # of the required records checked so far
    shown: tuple[tuple[int, Check], ...]  # the last check of each record, by the record's position
    identity: SesIdentity | None
    ses_checked_at: datetime | None
    ses_due_at: datetime | None
    watched: bool
    repairs: int
    repair_due_at: datetime | None
    dkim_found_at: datetime | None  # when one of its DKIM records was first found
    now: datetime

    def conditions(self) -> Conditions:
        """Return the conditions according to what is stored."""
        return gather(self.statuses, self.identity, self.wanted, may_own=self.may_own)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state to publish; TRANSITIONS lists the allowed ones."""

    before: State
    after: State
    why: Explanation[DomainReason]

    def __post_init__(self) -> None:
        if self.after not in TRANSITIONS[self.before]:
            raise ValueError(f"domain state cannot change from {self.before} to {self.after}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store of a claim after a check."""

    verification: VerificationStatus
    why: Explanation[DomainReason]
    transition: Transition | None
    ses_due_at: datetime | None
    next_check_at: datetime | None
    takes_claim_lock: bool  # the right to send changes, so the claim lock is taken before this is stored
    repair: RepairCause | None = None
    repairs: int = 0
    repair_due_at: datetime | None = None

    def time_to_ready(self, case: Case) -> timedelta | None:
        """Return the time from the first DKIM record found to READY; None unless a new domain is READY now.

        Only a new generation sets PENDING again, so PENDING to READY in the first one happens once.
        """
        if case.claim.generation != 1 or self.transition is None:
            return None
        if (self.transition.before, self.transition.after) != (State.PENDING, State.READY):
            return None
        return case.now - (case.dkim_found_at or case.now)

    def changes(self, case: Case) -> bool:
        """Return whether anything but the check results has to be stored."""
        stored = (case.verification, case.why, case.ses_due_at, case.repairs, case.repair_due_at)
        return stored != (self.verification, self.why, self.ses_due_at, self.repairs, self.repair_due_at)


def after_dns_check(
    case: Case, records: Sequence[Record], checks: Sequence[Check], jitter: float
) -> Decision:
    """Return what to store after a DNS check. `jitter` is a random number from 0 to 1."""
    statuses = tuple(
        (record.expected.purpose, check.status)
        for record, check in zip(records, checks, strict=True)
        if record.required
    )
    before, conditions = case.conditions(), replace(case, statuses=statuses).conditions()
    counted = count_failed_check(case.verification, before, conditions, case.now)
    decision = _decided(
        replace(case, verification=counted, statuses=statuses), conditions, DNS_CONDITIONS, jitter
    )
    return replace(decision, ses_due_at=_ses_due(case, decision.verification, before, conditions))


def after_ses_check(case: Case, identity: SesIdentity, jitter: float) -> Decision:
    """Return what to store after a response from SES. `jitter` is a random number from 0 to 1."""
    case = replace(case, identity=identity)
    conditions = case.conditions()
    decision = _decided(case, conditions, SES_CONDITIONS, jitter)
    due = next_ses_check(
        decision.verification,
        case.now,
        green=_dns_complete(conditions),
        watched=case.watched,
        half_way=Evidence.GOOD in (conditions.ses_dkim, conditions.ses_mail_from),
        jitter=jitter,
    )
    return _with_repair(case, replace(decision, ses_due_at=due), drift(identity, case.wanted, conditions))


def _decided(case: Case, conditions: Conditions, fresh: Collection[str], jitter: float) -> Decision:
    before = case.verification
    blocked = case.ownership is Ownership.CHALLENGER
    after = evaluate(before, conditions, case.now, fresh=fresh, blocked=blocked)
    moved = after.state is not before.state
    signs = after.dkim_valid is True
    return Decision(
        verification=after,
        why=why_state(after.state, conditions, case.statuses, case.ownership, signs=signs),
        transition=(
            Transition(before.state, after.state, why_moved(before.state, after.state, conditions))
            if moved
            else None
        ),
        ses_due_at=case.ses_due_at,
        next_check_at=next_check(
            after, case.now, watched=case.watched, token_due=bool(case.token), jitter=jitter
        ),
        takes_claim_lock=moved or (before.state in SENDING and before.dkim_valid is True and not signs),
        repairs=case.repairs,
        repair_due_at=case.repair_due_at,
    )


def _dns_complete(conditions: Conditions) -> bool:
    """Return whether all DNS conditions are met, so that it is worth querying SES."""
    return conditions.good(DNS_CONDITIONS)


def _ses_due(
    case: Case, verification: VerificationStatus, before: Conditions, after: Conditions
) -> datetime | None:
    """Return when to query SES after a DNS check.

    The query is due at once when the DNS conditions have just been met, or while the domain is watched.
    """
    due = case.ses_due_at
    if verification.state is State.READY:
        return due or case.now
    if not _dns_complete(after):
        return due
    at_once = due is None or case.watched or not _dns_complete(before)
    return case.now if at_once and (due is None or due > case.now) else due


def _with_repair(case: Case, decision: Decision, cause: RepairCause | None) -> Decision:
    """Add a repair request when one is needed and due. A claim without ownership never requests a repair."""
    if cause is None:
        return replace(decision, repairs=0, repair_due_at=None)
    early = case.repair_due_at is not None and case.now < case.repair_due_at
    if case.ownership not in HOLDERS or (not early and case.repairs >= len(REPAIRS)):
        return decision
    if early:
        return replace(decision, ses_due_at=decision.ses_due_at or case.repair_due_at)
    due = case.now + REPAIRS[case.repairs]
    return replace(
        decision,
        repair=cause,
        repairs=case.repairs + 1,
        repair_due_at=due,
        ses_due_at=decision.ses_due_at or due,
    )
