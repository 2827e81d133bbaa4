"""Mappers for times and durations that accept any value, so that later checks can name the invalid field."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def nearest_time(stamp: Timestamp) -> datetime:
    """Return the time of a stamp; a time out of range becomes the first or last possible one."""
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        return FIRST if stamp.seconds < 0 else LAST


def nearest_span(duration: Duration) -> timedelta:
    """Return the length of a duration; one out of range becomes the shortest or longest possible one."""
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        return timedelta.min if duration.seconds < 0 else timedelta.max


def duration_of(span: timedelta | None) -> Duration | None:
    """Return a duration message; None stays absent."""
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration
