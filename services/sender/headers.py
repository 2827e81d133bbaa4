"""The headers a caller may add: an allow-list, and values that stay one line each. Pure.

All other headers are ours alone, SES's directives above all: nobody sends as another through a header.
"""

import re

MAX_HEADERS = 50
# A line, without its line break (RFC 5322 §2.1.1). Longer ones are cut or refused on the way.
MAX_LINE = 998
MAX_NAME = 76

_NAME = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_THREADING = frozenset({"in-reply-to", "references"})
_SES = ("x-ses-", "x-amz", "x-amazon")


class BadHeader(ValueError):
    """A header that is not taken; the message says why and what to do."""


def check_header(name: str, value: str) -> None:
    """Raise BadHeader unless the header may be added as it is."""
    if not is_allowed(name):
        raise BadHeader(
            "may not be set; allowed are In-Reply-To, References, List-* and X-* (not X-SES-*, X-Amz*)"
        )
    if not _VALUE.fullmatch(value):
        raise BadHeader("must be printable ASCII on one line, not empty, without a space at either end")
    if "=?" in value:
        raise BadHeader('has "=?" in it, an encoded word: some readers show it decoded, and others do not')
    longest = max(map(len, value.split()))
    if len(name) + 2 + len(value) > MAX_LINE or longest > MAX_LINE - 1:
        raise BadHeader(f"is longer than a line may be, {MAX_LINE} characters with its name")


def is_allowed(name: str) -> bool:
    """Say whether a caller may set the header of this name."""
    lower = name.lower()
    if len(name) > MAX_NAME or not _NAME.fullmatch(name) or lower.startswith(_SES):
        return False
    return lower in _THREADING or lower.startswith(("list-", "x-"))
