"""Decides what to store after a check, from what is stored of a claim and what the check found. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.verifier.model.evidence import RepairCause, SesIdentity, Wanted, drift, gather
from services.verifier.model.notes import cause_of, note_of
from services.verifier.model.ownership import HOLDERS, MissingRun, Ownership
from services.verifier.model.records import Check, Expected, Purpose, Verdict
from services.verifier.model.schedule import REPAIRS, next_look, next_ses_look
from services.verifier.model.states import (
    DNS_AXES,
    SENDING,
    SES_AXES,
    TRANSITIONS,
    Axes,
    Evidence,
    Standing,
    State,
    count_negative,
    judge,
)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a claim as it was shown, by its position; only required records affect readiness."""

    position: int
    expected: Expected
    required: bool


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
    missing: MissingRun
    wanted: Wanted
    standing: Standing
    note: str
    verdicts: tuple[tuple[Purpose, Verdict], ...]  # of the required records checked so far
    shown: tuple[tuple[int, Check], ...]  # the last check of each record, by the record's position
    identity: SesIdentity | None
    ses_looked_at: datetime | None
    ses_due_at: datetime | None
    watched: bool
    repairs: int
    repair_due_at: datetime | None
    now: datetime

    def conditions(self) -> Axes:
        """Return the conditions according to what is stored."""
        return gather(self.verdicts, self.identity, self.wanted, may_own=self.may_own)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state to publish; TRANSITIONS lists the allowed ones."""

    before: State
    after: State
    cause: str

    def __post_init__(self) -> None:
        if self.after not in TRANSITIONS[self.before]:
            raise ValueError(f"domain state cannot change from {self.before} to {self.after}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store of a claim after a check."""

    standing: Standing
    note: str
    transition: Transition | None
    ses_due_at: datetime | None
    next_look_at: datetime | None
    fenced: bool  # the right to send changes, so the claim lock must be taken before this is stored
    repair: RepairCause | None = None
    repairs: int = 0
    repair_due_at: datetime | None = None

    def changes(self, case: Case) -> bool:
        """Return whether anything but the check results has to be stored."""
        stored = (case.standing, case.note, case.ses_due_at, case.repairs, case.repair_due_at)
        return stored != (self.standing, self.note, self.ses_due_at, self.repairs, self.repair_due_at)


def after_look(case: Case, records: Sequence[Record], checks: Sequence[Check], jitter: float) -> Decision:
    """Return what to store after a DNS check. `jitter` is a random number from 0 to 1."""
    verdicts = tuple(
        (record.expected.purpose, check.verdict)
        for record, check in zip(records, checks, strict=True)
        if record.required
    )
    before, conditions = case.conditions(), replace(case, verdicts=verdicts).conditions()
    counted = count_negative(case.standing, before, conditions, case.now)
    decision = _decided(replace(case, standing=counted, verdicts=verdicts), conditions, DNS_AXES, jitter)
    return replace(decision, ses_due_at=_ses_due(case, decision.standing, before, conditions))


def after_ses_look(case: Case, identity: SesIdentity, jitter: float) -> Decision:
    """Return what to store after a response from SES. `jitter` is a random number from 0 to 1."""
    case = replace(case, identity=identity)
    conditions = case.conditions()
    decision = _decided(case, conditions, SES_AXES, jitter)
    due = next_ses_look(
        decision.standing,
        case.now,
        green=_dns_complete(conditions),
        watched=case.watched,
        half_way=Evidence.GOOD in (conditions.ses_dkim, conditions.ses_mail_from),
        jitter=jitter,
    )
    return _with_repair(case, replace(decision, ses_due_at=due), drift(identity, case.wanted, conditions))


def _decided(case: Case, conditions: Axes, fresh: Collection[str], jitter: float) -> Decision:
    before = case.standing
    blocked = case.ownership is Ownership.CHALLENGER
    after = judge(before, conditions, case.now, fresh=fresh, blocked=blocked)
    moved = after.state is not before.state
    signs = after.dkim_good is True
    return Decision(
        standing=after,
        note=note_of(after.state, conditions, case.verdicts, case.ownership, signs=signs),
        transition=(
            Transition(before.state, after.state, cause_of(before.state, after.state, conditions))
            if moved
            else None
        ),
        ses_due_at=case.ses_due_at,
        next_look_at=next_look(
            after, case.now, watched=case.watched, token_due=bool(case.token), jitter=jitter
        ),
        fenced=moved or (before.state in SENDING and before.dkim_good is True and not signs),
        repairs=case.repairs,
        repair_due_at=case.repair_due_at,
    )


def _dns_complete(conditions: Axes) -> bool:
    """Return whether all DNS conditions are met, so that it is worth querying SES."""
    return conditions.good(DNS_AXES)


def _ses_due(case: Case, standing: Standing, before: Axes, after: Axes) -> datetime | None:
    """Return when to query SES after a DNS check.

    The query is due at once when the DNS conditions have just been met, or while the domain is watched.
    """
    due = case.ses_due_at
    if standing.state is State.READY:
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
