"""The small change between the contract's messages and Python: ids, times, pages."""

from datetime import datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument, NotFound, Violation
from chassis.pages import Page


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
