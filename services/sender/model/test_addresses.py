"""Test addresses: the one address of a domain, besides its own, that test emails may go to. Pure.

A code that was emailed to the address confirms it. The hash is of no use elsewhere: it binds domain and
address, and the code is gone within minutes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

DIGITS = 8
CODE_LIVES = timedelta(minutes=15)
CONFIRMED_FOR = timedelta(days=90)
MAX_WRONG_CODES = 5
# Codes within the window: of one domain, of one tenant, and to one address of all tenants together.
WINDOW = timedelta(hours=1)
MAX_OF_DOMAIN = 5
MAX_OF_TENANT = 20
MAX_TO_ADDRESS = 3


class State(StrEnum):
    """What is known of an address; the words of `TestAddress.State` and sender.test_addresses."""

    CODE_SENT = "CODE_SENT"
    CONFIRMED = "CONFIRMED"
    ENDED = "ENDED"


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.CODE_SENT: {
        State.CONFIRMED: "the code was given back in time",
        State.ENDED: "another code was asked for, or five wrong ones were given",
    },
    State.CONFIRMED: {State.ENDED: "another address was confirmed"},
    State.ENDED: {},
}


@dataclass(frozen=True, slots=True)
class TestAddress:
    """An address of a domain; `expires_at` is the code's end, and once confirmed the confirmation's."""

    claim_id: UUID
    address: str
    state: State
    expires_at: datetime


def code_hash(claim_id: UUID, address: str, code: str) -> bytes:
    """Return what is stored of a code."""
    return hashlib.sha256(f"{claim_id}\0{address}\0{code}".encode()).digest()


def read_code(typed: str) -> str:
    """Return the digits of a code as people type it."""
    return "".join(sign for sign in typed if sign not in " -\N{NO-BREAK SPACE}")


def shown_code(code: str) -> str:
    """Return a code in two groups, as people read it."""
    return f"{code[: DIGITS // 2]} {code[DIGITS // 2 :]}"
