"""Pagination of List calls with opaque page tokens (AIP-158): the list and the sort keys of the last row.

A token is not a secret and does not grant access: every query still filters by tenant.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from chassis.errors import InvalidField, InvalidPageToken

DEFAULT_SIZE = 50
MAXIMUM_SIZE = 1000
MAXIMUM_TOKEN = 2048
LONGEST_SEARCH = 200

_Key = str | int | datetime | UUID
_KINDS: dict[str, Callable[[str], datetime | UUID]] = {"t": datetime.fromisoformat, "u": UUID}


@dataclass(frozen=True, slots=True)
class Page:
    """Number of rows to return, and the sort keys of the row before them (None = from the start)."""

    size: int
    after: tuple[Any, ...] | None

    def after_id(self) -> UUID | None:
        """Return the id after which the page starts; raises InvalidPageToken if the sort key is not an id."""
        if self.after is None:
            return None
        last = self.after[0]
        if not isinstance(last, UUID):
            raise InvalidPageToken
        return last


class Row(Protocol):
    """A row of a list that is sorted by id."""

    @property
    def id(self) -> UUID: ...


R = TypeVar("R", bound=Row)


class ListRequest(Protocol):
    """A List request that may start at an id."""

    page_size: int
    page_token: str
    after_id: str
    before_id: str


class SearchRequest(Protocol):
    """A List request with a search text."""

    search: str


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of a list sorted by id: the nearest rows older than `after`, or newer than `before`."""

    of: str
    size: int
    after: UUID | None
    before: UUID | None

    @property
    def limit(self) -> int:
        """Return how many rows to read: one more than the page size, to detect a next page."""
        return self.size + 1

    def cut(self, found: Sequence[R]) -> tuple[Sequence[R], str]:
        """Return the rows of the page, newest first, and the next page's token; `found` is nearest first."""
        shown = found[: self.size]
        token = next_token(self.of, shown[-1].id) if len(found) > self.size else ""
        return (shown if self.before is None else shown[::-1]), token


def search_of(request: SearchRequest) -> str:
    """Return the search text of a List request in lower case; raises InvalidField if it is too long."""
    text = request.search.strip().lower()
    if len(text) > LONGEST_SEARCH:
        raise InvalidField("search", "TOO_LONG", limit=LONGEST_SEARCH)
    if "\0" in text:
        raise InvalidField("search", "CONTROL_CHARACTER")
    return text


def window(request: ListRequest, *, of: str) -> Window:
    """Return the window of a List request that may start at an id; see `page`.

    A token continues in the direction of the request that returned it. Raises InvalidField for text that is
    not an id, and if both ids are set.
    """
    if request.after_id and request.before_id:
        raise InvalidField("before_id", "BOTH_SET", other_field="after_id")
    after, before = _id("after_id", request.after_id), _id("before_id", request.before_id)
    of = of if before is None else f"{of} upwards"
    asked = page(request.page_size, request.page_token, of=of)
    reached = asked.after_id()
    if before is None:
        return Window(of, asked.size, reached or after, None)
    return Window(of, asked.size, None, reached or before)


def _id(field: str, text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidField(field, "NOT_A_UUID") from None


def page(
    page_size: int, page_token: str, *, of: str, default: int = DEFAULT_SIZE, maximum: int = MAXIMUM_SIZE
) -> Page:
    """Return the page of a List request; size 0 means the default, sizes above the maximum are lowered to it.

    Raises InvalidField for a negative size, InvalidPageToken for a malformed token or one of another list.
    """
    if page_size < 0:
        raise InvalidField("page_size", "NEGATIVE")
    after = _keys(of, page_token) if page_token else None
    return Page(size=min(page_size or default, maximum), after=after)


def next_token(of: str, *keys: _Key) -> str:
    """Return the token of the page after the row with these sort keys; `of` names list and filter."""
    text = json.dumps([of, *map(_tagged, keys)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _keys(of: str, token: str) -> tuple[Any, ...]:
    try:
        return _decoded(of, token)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise InvalidPageToken from None


def _decoded(of: str, token: str) -> tuple[Any, ...]:
    if len(token) > MAXIMUM_TOKEN:
        raise ValueError("too long")
    padded = token + "=" * (-len(token) % 4)
    listed, *keys = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    if listed != of or not keys:
        raise ValueError("another list")
    return tuple(map(_untagged, keys))


def _tagged(key: _Key) -> Any:
    if isinstance(key, datetime):
        return ["t", key.isoformat()]
    if isinstance(key, UUID):
        return ["u", str(key)]
    return key


def _untagged(key: Any) -> _Key:
    if isinstance(key, list):
        kind, text = key
        return _KINDS[kind](text)
    if not isinstance(key, str | int):
        raise TypeError(key)
    return key
