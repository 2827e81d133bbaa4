"""Conversion of ids and timestamps between protobuf and Python."""

from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidField, NotFound

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_of(text: str, unknown: type[NotFound]) -> UUID:
    """Return the UUID in the text; raises `unknown` if it is not one, as no resource can have that id."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown from None


def time_of(field: str, stamp: Timestamp) -> datetime:
    """Return a timestamp as datetime; raises InvalidField if it is out of range."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidField(field, "OUT_OF_RANGE", least="0001-01-01", most="9999-12-31") from None


def stamp_of(time: datetime | None) -> Timestamp | None:
    """Return a datetime as timestamp; None stays None."""
    if time is None:
        return None
    since = time - _EPOCH  # `FromDatetime` takes four times as long
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)
