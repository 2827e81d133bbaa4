"""AWS's pagination: a bounded page and an opaque token for the next one."""

import base64
from collections.abc import Sequence
from typing import TypeVar

from sandbox.aws.errors import bad_request
from sandbox.aws.service import Params

PAGE_LIMIT = 1000
_Item = TypeVar("_Item")


def page(items: Sequence[_Item], size: int | None, token: str | None) -> tuple[Sequence[_Item], Params]:
    """Return one page of the items and the NextToken; raise Refusal for an invalid size or token."""
    size = PAGE_LIMIT if size is None else size
    if not 0 < size <= PAGE_LIMIT:
        raise bad_request(f"PageSize must be between 1 and {PAGE_LIMIT}.")
    start = _start(token) if token else 0
    rest = start + size < len(items)
    next_token = {"NextToken": base64.b64encode(str(start + size).encode()).decode()} if rest else {}
    return items[start : start + size], next_token


def _start(token: str) -> int:
    try:
        return max(0, int(base64.b64decode(token, validate=True)))
    except ValueError as error:
        raise bad_request("The NextToken is not valid.") from error
