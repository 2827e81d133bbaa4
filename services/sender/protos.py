"""The small change between the contract's messages and Python: ids and times."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import NotFound

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def id_of(text: str, unknown: type[NotFound]) -> UUID:
    """Read an id; text that is none names nothing, and is refused as what does not exist."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown from None


def stamp_of(time: datetime | None) -> Timestamp | None:
    """Write a time; None stays absent."""
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def time_of(stamp: Timestamp) -> datetime:
    """Read a time; one that no calendar has is the first or the last there is."""
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        return FIRST if stamp.seconds < 0 else LAST


def span_of(duration: Duration) -> timedelta:
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
