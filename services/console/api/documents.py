"""Limits the number of values in a JSON document before it is decoded. Pure.

A document of 48 MiB could hold millions of empty strings or lists, which would take gigabytes once decoded.
"""

from chassis.config import MEBIBYTE
from services.console.api import errors
from services.console.api.errors import Rejected

MOST_VALUES = 100_000  # strings, lists and objects
MOST_ENTRIES = 8 * MEBIBYTE  # in all lists together; an attachment may be a list of its bytes as numbers
MOST_ENTRIES_OF_BATCH = MEBIBYTE
TOO_MANY = "The body has too many values. Send fewer values, and send files as base64."


def check(content: bytes, *, entries: int = MOST_ENTRIES) -> None:
    """Raise Rejected for a document with more values than a valid request can have."""
    if _values(content) <= MOST_VALUES and content.count(b",") <= entries:
        return  # within the limits even when characters inside strings are counted
    bare = content.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    if bare.count(b'"') <= 2 * MOST_VALUES:
        outside = b'""'.join(bare.split(b'"')[::2])
        if _values(outside) <= MOST_VALUES and outside.count(b",") <= entries:
            return
    raise Rejected(errors.INVALID, TOO_MANY)


def _values(content: bytes) -> int:
    return content.count(b'"') // 2 + content.count(b"{") + content.count(b"[")
