"""Times between ISO 8601, as the API has them, and the contract's messages."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.console.api import errors
from services.console.api.errors import Rejected

UNREAD = (
    "must be a time in ISO 8601 with its zone, as 2026-08-05T11:52:01Z; words, as in 1 hour, are not read"
)


def stamp_of(field: str, text: str) -> Timestamp:
    """Read a time. Raises Rejected for text for people, and for a time without a zone."""
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
    """Write a time in ISO 8601."""
    return stamp.ToDatetime(UTC).isoformat()
