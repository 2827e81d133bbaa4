"""When a message is posted again: Resend's and Svix's steps, then every ten hours for four days."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The pauses after each failure. The first attempt is immediate; the last is 97 h 35 min after it.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    *[timedelta(hours=10)] * 9,
)
# So that the messages of an endpoint that was down are not all posted at once.
JITTER = 0.1
LONGEST_RETRY_AFTER = 64  # characters of the header
LONGEST_SECONDS = 7  # digits


def pause_after(failures: int, *, chance: float, retry_after: timedelta | None) -> timedelta | None:
    """Return how long to wait after so many failures; None if they were the last.

    `chance` is from 0 to 1. The endpoint may ask for a longer pause, up to the next step of the schedule.
    """
    if failures > len(PAUSES):
        return None
    pause = PAUSES[failures - 1] * (1 + JITTER * chance)
    if retry_after is None:
        return pause
    longest = PAUSES[min(failures, len(PAUSES) - 1)]
    return max(pause, min(retry_after, longest))


def pause_in(retry_after: str, now: datetime) -> timedelta | None:
    """Return the pause that a Retry-After header asks for, in seconds or until a date (RFC 9110 §10.2.3)."""
    if not retry_after.isascii() or len(retry_after) > LONGEST_RETRY_AFTER:
        return None
    if retry_after.isdecimal():
        return timedelta(seconds=int(retry_after)) if len(retry_after) <= LONGEST_SECONDS else None
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    return max(until.replace(tzinfo=until.tzinfo or UTC) - now, timedelta(0))
