"""One-time codes that are emailed to an address to confirm it: generated, typed and stored in one way. Pure.

A plain hash of a code is enough: it is bound to its purpose and address, the code expires soon, and a few
wrong tries end it.
"""

import hashlib
import hmac
import secrets
from uuid import UUID

DIGITS = 8
MAX_WRONG_CODES = 5


def new_code() -> str:
    """Return a random code."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def code_hash(purpose: UUID, address: str, code: str) -> bytes:
    """Return the hash that is stored instead of a code; `purpose` is the id of what it confirms."""
    return hashlib.sha256(f"{purpose}\0{address}\0{code}".encode()).digest()


def is_same(stored: bytes, digest: bytes) -> bool:
    """Return whether two hashes are of the same code, in constant time."""
    return hmac.compare_digest(stored, digest)


def read_code(typed: str) -> str:
    """Return a typed code without spaces and hyphens."""
    return "".join(char for char in typed if char not in " -\N{NO-BREAK SPACE}")


def shown_code(code: str) -> str:
    """Return a code in two groups of digits, for people to read."""
    return f"{code[: DIGITS // 2]} {code[DIGITS // 2 :]}"
