"""Resend's pagination with `limit`, `after` and `before`, on top of the services' List RPCs."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from services.console.api import errors, models
from services.console.api.endpoints import id_of
from services.console.api.errors import Rejected

QUERY = ("limit", "after", "before")
DEFAULT = 20  # https://resend.com/docs/api-reference/pagination
MOST = 100
LONGEST = 9  # digits

Row = TypeVar("Row")
Item = TypeVar("Item")


class Paged(Protocol):
    """The response of a List RPC."""

    next_page_token: str


def page_of(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the pagination parameters as fields of a List request. Raise Rejected."""
    after, before = query.get("after", ""), query.get("before", "")
    if after and before:
        raise Rejected(errors.INVALID, "`after` and `before` cannot be used together.")
    return {
        "page_size": _limit(query.get("limit", str(DEFAULT))),
        "after_id": after and id_of("after", after),
        "before_id": before and id_of("before", before),
    }


def listing(found: Paged, rows: Iterable[Row], written: Callable[[Row], Item]) -> models.Listing[Item]:
    """Return a page of a list; `has_more` is true if the service returned a page token."""
    return models.Listing(has_more=bool(found.next_page_token), data=list(map(written, rows)))


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > LONGEST or not 1 <= int(text) <= MOST:
        raise Rejected(errors.INVALID, f"`limit` must be a number from 1 to {MOST}.")
    return int(text)
