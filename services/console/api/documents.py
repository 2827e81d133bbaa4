"""JSON documents, before they become objects: how many values one may have. Pure.

A document of 48 MiB could be millions of empty strings or lists, and take gigabytes once they are objects.
"""

from chassis.config import MEBIBYTE
from services.console.api import errors
from services.console.api.errors import Rejected

MOST_VALUES = 100_000  # strings, lists and objects
MOST_ENTRIES = 8 * MEBIBYTE  # of all lists together: an attachment may be given as its bytes' numbers
MOST_ENTRIES_OF_BATCH = MEBIBYTE
TOO_MANY = "The body has too many values. Send fewer, and files as base64."


def check(content: bytes, *, entries: int = MOST_ENTRIES) -> None:
    """Raise Rejected for a document of more values than a request has."""
    if _values(content) <= MOST_VALUES and content.count(b",") <= entries:
        return  # even if all signs within texts counted
    bare = content.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    if bare.count(b'"') <= 2 * MOST_VALUES:
        outside = b'""'.join(bare.split(b'"')[::2])
        if _values(outside) <= MOST_VALUES and outside.count(b",") <= entries:
            return
    raise Rejected(errors.INVALID, TOO_MANY)


def _values(content: bytes) -> int:
    return content.count(b'"') // 2 + content.count(b"{") + content.count(b"[")
