"""Times and spans that are read whatever they are, so that the checks can name them by their place."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def nearest_time(stamp: Timestamp) -> datetime:
    """Read a time; one that no calendar has is the first or the last there is."""
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        return FIRST if stamp.seconds < 0 else LAST


def nearest_span(duration: Duration) -> timedelta:
    """Read a span; one that cannot be is the shortest or the longest there is."""
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        return timedelta.min if duration.seconds < 0 else timedelta.max


def duration_of(span: timedelta | None) -> Duration | None:
    """Write a span; None stays absent."""
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration
