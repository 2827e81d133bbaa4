"""When an email may be asked to be sent. Pure."""

from datetime import datetime, timedelta

FARTHEST = timedelta(days=30)
SLACK = timedelta(minutes=1)  # a time so little in the past is of a slow caller or clock, and means now


class BadTime(ValueError):
    """A time that is not taken; the message says why and what to do."""


def check_send_time(send_at: datetime, now: datetime) -> None:
    """Raise BadTime unless an email may wait until then; both have a time zone."""
    if send_at < now - SLACK:
        raise BadTime("is in the past; leave it out to send at once")
    if send_at > now + FARTHEST:
        raise BadTime(f"is more than {FARTHEST.days} days ahead; ask again nearer to it")
