"""The times that an email may be scheduled for. Pure."""

from datetime import datetime, timedelta

FARTHEST = timedelta(days=30)
SLACK = timedelta(minutes=1)  # accepted in the past, for slow callers and clocks; it means now


class BadTime(ValueError):
    """A time that is not accepted; the message says why and what to do."""


def check_send_time(send_at: datetime, now: datetime) -> None:
    """Raise BadTime unless an email may be scheduled for `send_at`; both times have a time zone."""
    if send_at < now - SLACK:
        raise BadTime("is in the past; leave it out to send immediately")
    if send_at > now + FARTHEST:
        raise BadTime(f"is more than {FARTHEST.days} days ahead; schedule the email closer to that time")
