"""Host names as customers enter them: how one differs from the name that was shown. Pure."""

import ipaddress
import re
from dataclasses import dataclass
from itertools import takewhile

from services.verifier.model.reasons import CheckReason

QUOTES = "\"'“”„«»"
MISTYPED_LENGTH = 3  # the most characters in a row that count as mistyped

_ESCAPED = re.compile(r"\\(?:([0-9]{3})|(.))")  # RFC 1035 §5.1
_URL = re.compile(r"https?://([^/]*)/?")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a name differs: the position from 1, what is there, and what should be there instead."""

    position: int
    found: str
    shown: str


def fault_of(shown: str, found: str) -> CheckReason | None:
    """Return what is wrong with the name that was found; None if it is another name."""
    name = _entered(found).strip().rstrip(".")
    if name.strip(QUOTES) == shown and name != shown:
        return CheckReason.QUOTED
    if name == shown:
        return CheckReason.SPACE_AROUND
    if (url := _URL.fullmatch(name)) and url[1] == shown:
        return CheckReason.TARGET_IS_URL
    if _is_address(name):
        return CheckReason.TARGET_IS_ADDRESS
    return CheckReason.MISTYPED if difference(shown, found) else None


def difference(shown: str, found: str) -> Difference | None:
    """Return the one place where a name has a few other characters; None if it differs by more."""
    start = _common(shown, found)
    after = min(_common(shown[::-1], found[::-1]), len(shown) - start, len(found) - start)
    there, wanted = found[start : len(found) - after], shown[start : len(shown) - after]
    near = 0 < max(len(there), len(wanted)) <= MISTYPED_LENGTH
    return Difference(start + 1, there, wanted) if near else None


def _entered(found: str) -> str:
    """Return a name as it was entered: without escapes, and with octets beyond ASCII read as UTF-8."""
    octets = _ESCAPED.sub(lambda match: chr(int(match[1])) if match[1] else match[2], found)
    return octets.encode("latin-1", "replace").decode("utf-8", "replace")


def _common(one: str, other: str) -> int:
    """Return the number of characters with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
