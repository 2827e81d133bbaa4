"""The small change between the contract's messages and Python: ids, times, pages."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument, NotFound, Violation
from chassis.pages import Page

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def id_of(text: str, unknown: type[NotFound]) -> UUID:
    """Read an id; text that is none names nothing, and is refused as what does not exist."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown from None


def after_of(page: Page) -> UUID | None:
    """Read the id that a page comes after."""
    if page.after is None:
        return None
    last = page.after[0]
    if not isinstance(last, UUID):
        problem = "is not a token of this list; leave it out to begin again"
        raise InvalidArgument("INVALID_PAGE_TOKEN", violations=[Violation("page_token", problem)])
    return last


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
