"""The times that an email may be scheduled for. Pure."""

from datetime import datetime, timedelta

from chassis.field_reasons import BadValue

FARTHEST = timedelta(days=30)
SLACK = timedelta(minutes=1)  # accepted in the past, for slow callers and clocks; it means now


class BadTime(BadValue):
    """A time that is not accepted."""


def check_send_time(send_at: datetime, now: datetime) -> None:
    """Raise BadTime unless an email may be scheduled for `send_at`; both times have a time zone."""
    if send_at < now - SLACK:
        raise BadTime("IN_THE_PAST")
    if send_at > now + FARTHEST:
        raise BadTime("TOO_FAR_AHEAD", days=FARTHEST.days)
