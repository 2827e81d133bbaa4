"""Converts times between those that callers write and protos."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.console.api import errors
from services.console.api.errors import Rejected
from services.console.api.schedule import NoTime, time_in


def stamp_of(field: str, text: str, now: datetime) -> Timestamp:
    """Parse a time, given in ISO 8601 or in one of a few forms of words. Raise Rejected."""
    stamp = Timestamp()
    try:
        stamp.FromDatetime(time_in(text, now))
    except NoTime as error:
        raise Rejected(errors.INVALID, f"`{field}` {error}.") from None
    return stamp


def time_of(stamp: Timestamp) -> str:
    """Return a time in ISO 8601."""
    return stamp.ToDatetime(UTC).isoformat()
