"""The small change between the contract's messages and Python: ids and times. Knows no message of ours."""

from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidField, NotFound

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_of(text: str, unknown: type[NotFound]) -> UUID:
    """Read an id; text that is none names nothing, and is refused as what does not exist."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown from None


def time_of(field: str, stamp: Timestamp) -> datetime:
    """Read a time; raises InvalidField for one that no calendar has."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidField(field, "is not a time between the years 1 and 9999") from None


def stamp_of(time: datetime | None) -> Timestamp | None:
    """Write a time; None stays absent."""
    if time is None:
        return None
    since = time - _EPOCH  # `FromDatetime` takes four times as long
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)
