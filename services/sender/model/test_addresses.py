"""Test addresses: the one address per domain, besides its own, that test emails may be sent to. Pure.

A code that was emailed to the address confirms it (chassis/codes.py); its purpose is the domain's claim.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

CODE_LIVES = timedelta(minutes=15)
CONFIRMED_FOR = timedelta(days=90)
# Most codes within the window: per domain, per tenant, and per address over all tenants.
WINDOW = timedelta(hours=1)
MAX_OF_DOMAIN = 5
MAX_OF_TENANT = 20
MAX_TO_ADDRESS = 3


class State(StrEnum):
    """The states of an address, named as in `TestAddress.State` and sender.test_addresses."""

    CODE_SENT = "CODE_SENT"
    CONFIRMED = "CONFIRMED"
    ENDED = "ENDED"


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.CODE_SENT: {
        State.CONFIRMED: "the code was entered in time",
        State.ENDED: "another code was requested, or five wrong codes were entered",
    },
    State.CONFIRMED: {State.ENDED: "another address was confirmed"},
    State.ENDED: {},
}


@dataclass(frozen=True, slots=True)
class TestAddress:
    """A test address of a domain; `expires_at` is of its code, or once confirmed, of its confirmation."""

    claim_id: UUID
    address: str
    state: State
    expires_at: datetime
