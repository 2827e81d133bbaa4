"""A domain's states and what moves them: the verifier's pure heart, without clock, network or database.

Looks bring evidence to axes; `judge` reads the axes and what is held so far, and says what is held then.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.verifier.model.ownership import HOLDERS, Ownership


class State(StrEnum):
    """Where an active claim stands; the words of `Domain.State`, verifier.verifications and the page."""

    PENDING = "PENDING"  # records or SES not yet right
    READY = "READY"  # DKIM and MAIL FROM good in DNS and at SES, ownership good where demanded
    DEGRADED = "DEGRADED"  # was ready; sends as itself only while DKIM is good in DNS and at SES
    LOST = "LOST"  # was ready, and stayed broken
    FAILED = "FAILED"  # never became ready


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.PENDING: {
        State.READY: "every axis is good",
        State.FAILED: "72 hours have passed; SES stops looking then, too",
        State.LOST: "another tenant proved the name",
    },
    State.READY: {
        State.DEGRADED: "an axis is gone, or a new generation kept the DKIM tokens: it still signs as itself",
        State.PENDING: "a new generation has other DKIM tokens: nothing published signs for it yet",
        State.LOST: "another tenant proved the name",
    },
    State.DEGRADED: {
        State.READY: "every axis is good again",
        State.LOST: "72 hours have passed, and it was seen broken since; or another tenant proved the name",
        State.PENDING: "a new generation has other DKIM tokens",
    },
    State.LOST: {
        State.READY: "VerifyDomain was called, and every axis is good",
        State.PENDING: "a new generation: it starts again",
    },
    State.FAILED: {
        State.READY: "VerifyDomain was called, and every axis is good",
        State.PENDING: "a new generation: it starts again",
        State.LOST: "another tenant proved the name",
    },
}

GRACE = timedelta(hours=72)  # how long SES itself looks for records before it gives up
SENDING = frozenset({State.READY, State.DEGRADED})  # states in which a domain may send as itself
FINISHED = frozenset({State.LOST, State.FAILED})  # states that only VerifyDomain reopens


class Evidence(StrEnum):
    """What a look says of an axis. A timeout, a throttle or a disagreement is NONE, and moves nothing."""

    GOOD = "GOOD"
    BAD = "BAD"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Axes:
    """Everything that readiness rests on; each must be good. Ownership is good for the holder of a name."""

    dkim_dns: Evidence = Evidence.NONE
    mail_from_dns: Evidence = Evidence.NONE
    ses_dkim: Evidence = Evidence.NONE
    ses_mail_from: Evidence = Evidence.NONE
    ses_sending: Evidence = Evidence.NONE
    ownership: Evidence = Evidence.NONE

    def bad(self, names: Collection[str]) -> list[str]:
        """Returns those of the named axes that are bad."""
        return [name for name in names if getattr(self, name) is Evidence.BAD]

    def good(self, names: Collection[str]) -> bool:
        """Says whether all of the named axes are good."""
        return all(getattr(self, name) is Evidence.GOOD for name in names)


DNS_AXES = ("dkim_dns", "mail_from_dns")
SES_AXES = ("ses_dkim", "ses_mail_from", "ses_sending")
ALL_AXES = (*DNS_AXES, *SES_AXES, "ownership")

NEGATIVE_OFFSETS = (timedelta(hours=1), timedelta(hours=3), timedelta(hours=6))  # after a first negative look
NEGATIVES_NEEDED = len(NEGATIVE_OFFSETS)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is held of a claim between looks.

    `dkim_good` and `mail_from_good` hold for DNS and SES together; None is unknown. The negative looks are
    those that a sending domain is given before it is believed broken. `deadline_at` ends PENDING, DEGRADED,
    and the looks that VerifyDomain brings to FAILED and LOST.
    """

    state: State
    deadline_at: datetime | None = None
    dkim_good: bool | None = None
    mail_from_good: bool | None = None
    negative_looks: int = 0
    first_negative_at: datetime | None = None

    def confirmed(self, now: datetime) -> bool:
        """Says whether the run of negative looks is long enough to count."""
        if self.first_negative_at is None or self.negative_looks < NEGATIVES_NEEDED:
            return False
        return now - self.first_negative_at >= NEGATIVE_OFFSETS[-1]


def count_negative(standing: Standing, before: Axes, seen: Axes, now: datetime) -> Standing:
    """Returns the standing with this look at DNS counted in the run of negative looks.

    Looks in quick succession, as at a watched domain, are one witness: each counts when its hour has come.
    """
    bad = seen.bad(DNS_AXES)
    if seen.good(DNS_AXES):
        return replace(standing, negative_looks=0, first_negative_at=None)
    if not bad or standing.state not in SENDING:
        return standing
    if standing.first_negative_at is None or any(getattr(before, name) is Evidence.GOOD for name in bad):
        return replace(standing, negative_looks=1, first_negative_at=now)
    due = NEGATIVE_OFFSETS[min(standing.negative_looks, len(NEGATIVE_OFFSETS)) - 1]
    if now - standing.first_negative_at < due:
        return standing
    return replace(standing, negative_looks=standing.negative_looks + 1)


def judge(
    standing: Standing, axes: Axes, now: datetime, *, fresh: Collection[str], blocked: bool = False
) -> Standing:
    """Returns what is held from now on. `fresh` names the axes that this very look brought evidence to.

    `blocked` says that the claim proved its name and waits for another tenant: its time does not run out.
    """
    firm = _forgiven(standing, axes, now)
    ready = axes.good(ALL_AXES) and (standing.state not in FINISHED or standing.deadline_at is not None)
    state = State.READY if ready else _without_all_good(standing, firm, now, fresh, blocked=blocked)
    before = standing if standing.state in SENDING else Standing(standing.state)
    return replace(
        standing,
        state=state,
        deadline_at=_deadline(standing, state, now),
        dkim_good=_both(firm.dkim_dns, firm.ses_dkim, before=before.dkim_good),
        mail_from_good=_both(firm.mail_from_dns, firm.ses_mail_from, before=before.mail_from_good),
    )


def _without_all_good(
    standing: Standing, axes: Axes, now: datetime, fresh: Collection[str], *, blocked: bool
) -> State:
    over = standing.deadline_at is not None and now >= standing.deadline_at
    match standing.state:
        case State.READY if axes.bad(ALL_AXES):
            return State.DEGRADED
        case State.PENDING if over and not blocked:
            return State.FAILED
        case State.DEGRADED if over and axes.bad(fresh):  # silence alone takes nobody's domain away
            return State.LOST
    return standing.state


def _forgiven(standing: Standing, axes: Axes, now: datetime) -> Axes:
    """Returns the axes a sending domain is judged by: DNS stays good until its negatives are confirmed."""
    if standing.state not in SENDING:
        return axes
    sure = standing.confirmed(now)
    return replace(
        axes,
        dkim_dns=_patient(axes.dkim_dns, was_good=standing.dkim_good is True, sure=sure),
        mail_from_dns=_patient(axes.mail_from_dns, was_good=standing.mail_from_good is True, sure=sure),
    )


def _patient(evidence: Evidence, *, was_good: bool, sure: bool) -> Evidence:
    broken = evidence is Evidence.BAD and sure
    return Evidence.GOOD if was_good and not broken else evidence


def _both(dns: Evidence, ses: Evidence, *, before: bool | None) -> bool | None:
    if Evidence.BAD in (dns, ses):
        return False
    return True if dns is ses is Evidence.GOOD else before


def _deadline(standing: Standing, state: State, now: datetime) -> datetime | None:
    if state is standing.state:
        return standing.deadline_at
    return now + GRACE if state in (State.PENDING, State.DEGRADED) else None


def renewed(standing: Standing, now: datetime, *, same_tokens: bool, ownership: Ownership) -> Standing:
    """Returns the standing in which a new generation of a claim begins.

    It goes on signing as itself if the tokens that SES named last, and that DKIM was good with, are those of
    the new generation; without good DKIM the same tokens at SES may already be the new ones. A claim that was
    superseded is lost; one that must prove itself starts again.
    """
    if ownership is Ownership.SUPERSEDED:
        return Standing(State.LOST)
    if ownership not in HOLDERS:
        return Standing(State.PENDING, deadline_at=now + GRACE)
    if standing.state in SENDING and standing.dkim_good is True and same_tokens:
        return Standing(State.DEGRADED, deadline_at=now + GRACE, dkim_good=True)
    return Standing(State.PENDING, deadline_at=now + GRACE)
