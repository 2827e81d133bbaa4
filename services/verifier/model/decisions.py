"""What one look changes: from what is stored of a claim and what was seen, to what to store. Pure."""

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
    """A record of a claim as it was shown, by its position; only a required one gates."""

    position: int
    expected: Expected
    required: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Which claim, in which generation, is spoken of."""

    claim_id: UUID
    tenant_id: UUID
    name: str
    generation: int


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is stored of a claim, and the database's time at which it was read."""

    claim: Claim
    ownership: Ownership
    may_own: bool
    token: str  # that is to be looked for in DNS; empty when nothing depends on one
    missing: MissingRun
    wanted: Wanted
    standing: Standing
    note: str
    verdicts: tuple[tuple[Purpose, Verdict], ...]  # of the required records looked at so far
    shown: tuple[tuple[int, Check], ...]  # all that was last seen, by the records' positions
    identity: SesIdentity | None
    ses_looked_at: datetime | None
    ses_due_at: datetime | None
    watched: bool
    repairs: int
    repair_due_at: datetime | None
    now: datetime

    def axes(self) -> Axes:
        """Returns the axes as they stand."""
        return gather(self.verdicts, self.identity, self.wanted, may_own=self.may_own)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state, to be told; there is none but those of the table."""

    before: State
    after: State
    cause: str

    def __post_init__(self) -> None:
        if self.after not in TRANSITIONS[self.before]:
            raise ValueError(f"a domain does not go from {self.before} to {self.after}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store of a claim after a look."""

    standing: Standing
    note: str
    transition: Transition | None
    ses_due_at: datetime | None
    next_look_at: datetime | None
    fenced: bool  # the right to send as itself changes: nobody may be in the middle of using or taking it
    repair: RepairCause | None = None
    repairs: int = 0
    repair_due_at: datetime | None = None

    def changes(self, case: Case) -> bool:
        """Says whether there is anything to store beside what was seen."""
        held = (case.standing, case.note, case.ses_due_at, case.repairs, case.repair_due_at)
        return held != (self.standing, self.note, self.ses_due_at, self.repairs, self.repair_due_at)


def after_look(case: Case, records: Sequence[Record], checks: Sequence[Check], jitter: float) -> Decision:
    """Returns what to store after a look at DNS."""
    verdicts = tuple(
        (record.expected.purpose, check.verdict)
        for record, check in zip(records, checks, strict=True)
        if record.required
    )
    before, axes = case.axes(), replace(case, verdicts=verdicts).axes()
    counted = count_negative(case.standing, before, axes, case.now)
    decision = _decided(replace(case, standing=counted, verdicts=verdicts), axes, DNS_AXES, jitter)
    return replace(decision, ses_due_at=_ses_due(case, decision.standing, before, axes))


def after_ses_look(case: Case, identity: SesIdentity, jitter: float) -> Decision:
    """Returns what to store after an answer of SES."""
    case = replace(case, identity=identity)
    axes = case.axes()
    decision = _decided(case, axes, SES_AXES, jitter)
    due = next_ses_look(
        decision.standing,
        case.now,
        green=_green(axes),
        watched=case.watched,
        half_way=Evidence.GOOD in (axes.ses_dkim, axes.ses_mail_from),
        jitter=jitter,
    )
    return _with_repair(case, replace(decision, ses_due_at=due), drift(identity, case.wanted, axes))


def _decided(case: Case, axes: Axes, fresh: Collection[str], jitter: float) -> Decision:
    before = case.standing
    blocked = case.ownership is Ownership.CHALLENGER
    after = judge(before, axes, case.now, fresh=fresh, blocked=blocked)
    moved = after.state is not before.state
    signs = after.dkim_good is True
    return Decision(
        standing=after,
        note=note_of(after.state, axes, case.verdicts, case.ownership, signs=signs),
        transition=(
            Transition(before.state, after.state, cause_of(before.state, after.state, axes))
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


def _green(axes: Axes) -> bool:
    """Says whether all that we can see ourselves is good, so that it is worth asking SES."""
    return axes.good(DNS_AXES)


def _ses_due(case: Case, standing: Standing, before: Axes, after: Axes) -> datetime | None:
    """Returns when to ask SES, after a look at DNS: at once when DNS has just turned green, or is watched."""
    due = case.ses_due_at
    if standing.state is State.READY:
        return due or case.now
    if not _green(after):
        return due
    hurry = due is None or case.watched or not _green(before)
    return case.now if hurry and (due is None or due > case.now) else due


def _with_repair(case: Case, decision: Decision, cause: RepairCause | None) -> Decision:
    """Adds a repair where one is needed and its turn has come; a claim that may not own asks for none."""
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
