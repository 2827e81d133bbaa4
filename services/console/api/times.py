"""Converts times between ISO 8601, as used by the API, and protos."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.console.api import errors
from services.console.api.errors import Rejected

UNREAD = (
    "must be an ISO 8601 time with a time zone, such as 2026-08-05T11:52:01Z; text such as `in 1 hour` is"
    " not supported"
)


def stamp_of(field: str, text: str) -> Timestamp:
    """Parse a time. Raise Rejected for natural language, and for a time without a zone."""
    stamp = Timestamp()
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            stamp.FromDatetime(time.astimezone(UTC))
            return stamp
    except (ValueError, OverflowError):
        pass
    raise Rejected(errors.INVALID, f"`{field}` {UNREAD}.")


def time_of(stamp: Timestamp) -> str:
    """Return a time in ISO 8601."""
    return stamp.ToDatetime(UTC).isoformat()
