"""The check schedule: pure functions of what is stored of a claim. Jitter is a number from 0 to 1."""

from datetime import datetime, timedelta

from services.verifier.model.ownership import CHECKED_EVERY
from services.verifier.model.states import CONFIRMATION_OFFSETS, FINISHED, GRACE, State, VerificationStatus

# The intervals between checks of a new domain: each is used once, the last one until the deadline.
INTERVALS = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300, 600, 1200, 1800))
WATCHED = timedelta(seconds=1)
WATCHED_READY = timedelta(seconds=2)
READY_INTERVAL = timedelta(hours=6)
READY_SPREAD = 0.2  # of the interval, in both directions
SES_READY_INTERVAL = timedelta(hours=24)  # detects MAIL FROM changes; the sweep detects lost verifications
SES_HALF_WAY = timedelta(seconds=30)  # SES has verified DKIM or MAIL FROM and usually verifies the other soon
REPAIRS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720, 1440))


def next_check(
    verification: VerificationStatus, now: datetime, *, watched: bool, jitter: float, token_due: bool = False
) -> datetime | None:
    """Return when to check DNS again, or None when only VerifyDomain schedules the next check.

    `token_due` is true while a tenant's ownership depends on whether the claim's token is in DNS.
    """
    due = _next_check(verification, now, watched=watched, jitter=jitter)
    return min(due, now + CHECKED_EVERY) if due is not None and token_due else due


def _next_check(
    verification: VerificationStatus, now: datetime, *, watched: bool, jitter: float
) -> datetime | None:
    waits = verification.deadline_at is not None and now < verification.deadline_at
    if verification.state in FINISHED and not waits:
        return None
    if watched:
        return now + (WATCHED_READY if verification.state is State.READY else WATCHED)
    if verification.state is State.READY:
        return _confirming(verification, now) or now + READY_INTERVAL * (1 + READY_SPREAD * (2 * jitter - 1))
    if verification.deadline_at is not None and waits:
        return min(now + _interval(now - (verification.deadline_at - GRACE)), verification.deadline_at)
    return now + INTERVALS[-1]


def _confirming(verification: VerificationStatus, now: datetime) -> datetime | None:
    """Return when the next check of a run of failed checks is due, or None without such a run."""
    if verification.first_failed_at is None:
        return None
    due = (verification.first_failed_at + offset for offset in CONFIRMATION_OFFSETS)
    return next((at for at in due if at > now), now + CONFIRMATION_OFFSETS[0])


def next_ses_check(
    verification: VerificationStatus,
    now: datetime,
    *,
    green: bool,
    watched: bool,
    half_way: bool,
    jitter: float,
) -> datetime | None:
    """Return when to query SES again after a response.

    None means that no query is scheduled until the DNS conditions are met or the sweep sees a change.
    """
    if verification.state is State.READY:
        return now + SES_READY_INTERVAL * (1 + READY_SPREAD * (2 * jitter - 1))
    if not green or verification.deadline_at is None:
        return None
    if watched:
        return now
    return now + (SES_HALF_WAY if half_way else _interval(now - (verification.deadline_at - GRACE)))


def _interval(age: timedelta) -> timedelta:
    return next((interval for interval in INTERVALS if interval > age), INTERVALS[-1])
