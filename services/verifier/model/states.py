"""The state machine of a domain's verification. Pure: no clock, network or database.

Checks yield evidence for the conditions. `evaluate` takes the conditions and the stored verification status
and returns the new status.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.verifier.model.ownership import HOLDERS, Ownership


class State(StrEnum):
    """The verification state of an active claim; the values of `Domain.State` and verifier.verifications."""

    PENDING = "PENDING"  # not verified yet in DNS or by SES
    READY = "READY"  # DKIM and MAIL FROM verified in DNS and by SES; ownership proven where required
    DEGRADED = "DEGRADED"  # was READY; can send only while DKIM is verified in DNS and by SES
    LOST = "LOST"  # was READY, then DEGRADED until the deadline
    FAILED = "FAILED"  # not READY by the deadline


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.PENDING: {
        State.READY: "all conditions are met",
        State.FAILED: "72 hours have passed, after which SES stops checking too",
        State.LOST: "another tenant proved ownership",
    },
    State.READY: {
        State.DEGRADED: "a condition failed, or a new generation kept the DKIM tokens and can still sign",
        State.PENDING: "a new generation has other DKIM tokens, whose records are not verified yet",
        State.LOST: "another tenant proved ownership",
    },
    State.DEGRADED: {
        State.READY: "all conditions are met again",
        State.LOST: "72 hours have passed and a later check failed, or another tenant proved ownership",
        State.PENDING: "a new generation has other DKIM tokens",
    },
    State.LOST: {
        State.READY: "VerifyDomain was called and all conditions are met",
        State.PENDING: "a new generation starts verification again",
    },
    State.FAILED: {
        State.READY: "VerifyDomain was called and all conditions are met",
        State.PENDING: "a new generation starts verification again",
        State.LOST: "another tenant proved ownership",
    },
}

GRACE = timedelta(hours=72)  # SES also checks DNS for 72 hours before it gives up
SENDING = frozenset({State.READY, State.DEGRADED})  # states in which a domain may send
FINISHED = frozenset({State.LOST, State.FAILED})  # left only by VerifyDomain or a new generation


class Evidence(StrEnum):
    """A check's evidence for a condition. Timeouts, throttling and disagreement are NONE: no state change."""

    GOOD = "GOOD"
    BAD = "BAD"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of readiness; all must be GOOD. `ownership` is GOOD for a claim that owns its name."""

    dkim_dns: Evidence = Evidence.NONE
    mail_from_dns: Evidence = Evidence.NONE
    ses_dkim: Evidence = Evidence.NONE
    ses_mail_from: Evidence = Evidence.NONE
    ses_sending: Evidence = Evidence.NONE
    ownership: Evidence = Evidence.NONE

    def bad(self, names: Collection[str]) -> list[str]:
        """Return those of the named conditions that are BAD."""
        return [name for name in names if getattr(self, name) is Evidence.BAD]

    def good(self, names: Collection[str]) -> bool:
        """Return whether all of the named conditions are GOOD."""
        return all(getattr(self, name) is Evidence.GOOD for name in names)


DNS_CONDITIONS = ("dkim_dns", "mail_from_dns")
SES_CONDITIONS = ("ses_dkim", "ses_mail_from", "ses_sending")
ALL_CONDITIONS = (*DNS_CONDITIONS, *SES_CONDITIONS, "ownership")

CONFIRMATION_OFFSETS = (
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
)  # after a first failed check
NEGATIVES_NEEDED = len(CONFIRMATION_OFFSETS)


@dataclass(frozen=True, slots=True)
class VerificationStatus:
    """The verification status of a claim, as stored between checks.

    `dkim_valid` and `mail_from_valid` cover DNS and SES together; None means unknown. `failed_checks` counts
    failed checks in a row; a sending domain is degraded only after several. `deadline_at` ends PENDING and
    DEGRADED, and for FAILED and LOST the checks that VerifyDomain requested.
    """

    state: State
    deadline_at: datetime | None = None
    dkim_valid: bool | None = None
    mail_from_valid: bool | None = None
    failed_checks: int = 0
    first_failed_at: datetime | None = None

    def confirmed(self, now: datetime) -> bool:
        """Return whether enough checks failed, over a long enough time, to degrade the domain."""
        if self.first_failed_at is None or self.failed_checks < NEGATIVES_NEEDED:
            return False
        return now - self.first_failed_at >= CONFIRMATION_OFFSETS[-1]

    @property
    def degrades_at(self) -> datetime | None:
        """Return when a READY domain is degraded at the earliest unless its records are found again."""
        if self.state is not State.READY or self.first_failed_at is None:
            return None
        return self.first_failed_at + CONFIRMATION_OFFSETS[-1]


def signs(state: str, *, dkim_valid: bool) -> bool:
    """Return whether email from a domain that owns its name is sent under it, as sender decides."""
    return state == State.READY or (state == State.DEGRADED and dkim_valid)


def count_failed_check(
    verification: VerificationStatus, before: Conditions, seen: Conditions, now: datetime
) -> VerificationStatus:
    """Return the verification status with this DNS check counted in the run of failed checks.

    A failed check counts only when its offset in CONFIRMATION_OFFSETS has been reached, so frequent checks of
    a watched domain do not confirm one another.
    """
    bad = seen.bad(DNS_CONDITIONS)
    if seen.good(DNS_CONDITIONS):
        return replace(verification, failed_checks=0, first_failed_at=None)
    if not bad or verification.state not in SENDING:
        return verification
    if verification.first_failed_at is None or any(getattr(before, name) is Evidence.GOOD for name in bad):
        return replace(verification, failed_checks=1, first_failed_at=now)
    due = CONFIRMATION_OFFSETS[min(verification.failed_checks, len(CONFIRMATION_OFFSETS)) - 1]
    if now - verification.first_failed_at < due:
        return verification
    return replace(verification, failed_checks=verification.failed_checks + 1)


def evaluate(
    verification: VerificationStatus,
    conditions: Conditions,
    now: datetime,
    *,
    fresh: Collection[str],
    blocked: bool = False,
) -> VerificationStatus:
    """Return the new verification status.

    `fresh` names the conditions that this check evaluated. `blocked` is true for a claim that proved
    ownership and waits for the current owner's deadline; it does not become FAILED meanwhile.
    """
    confirmed = _confirmed(verification, conditions, now)
    ready = conditions.good(ALL_CONDITIONS) and (
        verification.state not in FINISHED or verification.deadline_at is not None
    )
    state = (
        State.READY if ready else _state_unless_ready(verification, confirmed, now, fresh, blocked=blocked)
    )
    before = verification if verification.state in SENDING else VerificationStatus(verification.state)
    return replace(
        verification,
        state=state,
        deadline_at=_deadline(verification, state, now),
        dkim_valid=_both(confirmed.dkim_dns, confirmed.ses_dkim, before=before.dkim_valid),
        mail_from_valid=_both(
            confirmed.mail_from_dns, confirmed.ses_mail_from, before=before.mail_from_valid
        ),
    )


def _state_unless_ready(
    verification: VerificationStatus,
    conditions: Conditions,
    now: datetime,
    fresh: Collection[str],
    *,
    blocked: bool,
) -> State:
    over = verification.deadline_at is not None and now >= verification.deadline_at
    match verification.state:
        case State.READY if conditions.bad(ALL_CONDITIONS):
            return State.DEGRADED
        case State.PENDING if over and not blocked:
            return State.FAILED
        case State.DEGRADED if over and conditions.bad(fresh):  # not on an inconclusive check
            return State.LOST
    return verification.state


def _confirmed(verification: VerificationStatus, conditions: Conditions, now: datetime) -> Conditions:
    """Return the conditions with DNS kept GOOD for a sending domain until enough checks have failed."""
    if verification.state not in SENDING:
        return conditions
    failed = verification.confirmed(now)
    return replace(
        conditions,
        dkim_dns=_unless_failed(conditions.dkim_dns, was_good=verification.dkim_valid is True, failed=failed),
        mail_from_dns=_unless_failed(
            conditions.mail_from_dns, was_good=verification.mail_from_valid is True, failed=failed
        ),
    )


def _unless_failed(evidence: Evidence, *, was_good: bool, failed: bool) -> Evidence:
    broken = evidence is Evidence.BAD and failed
    return Evidence.GOOD if was_good and not broken else evidence


def _both(dns: Evidence, ses: Evidence, *, before: bool | None) -> bool | None:
    if Evidence.BAD in (dns, ses):
        return False
    return True if dns is ses is Evidence.GOOD else before


def _deadline(verification: VerificationStatus, state: State, now: datetime) -> datetime | None:
    if state is verification.state:
        return verification.deadline_at
    return now + GRACE if state in (State.PENDING, State.DEGRADED) else None


def renewed(
    verification: VerificationStatus, now: datetime, *, same_tokens: bool, ownership: Ownership
) -> VerificationStatus:
    """Return the verification status in which a new generation of a claim starts.

    A domain with verified DKIM keeps sending when SES's last tokens are those of the new generation. Without
    verified DKIM it starts again, because the tokens in SES may already be the new ones. A superseded claim
    is LOST; a claim that must prove ownership starts again.
    """
    if ownership is Ownership.SUPERSEDED:
        return VerificationStatus(State.LOST)
    if ownership not in HOLDERS:
        return VerificationStatus(State.PENDING, deadline_at=now + GRACE)
    if verification.state in SENDING and verification.dkim_valid is True and same_tokens:
        return VerificationStatus(State.DEGRADED, deadline_at=now + GRACE, dkim_valid=True)
    return VerificationStatus(State.PENDING, deadline_at=now + GRACE)
