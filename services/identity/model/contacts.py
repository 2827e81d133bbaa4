"""The contact of a tenant, and the confirmation of a new one with a code (chassis/codes.py). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

CODE_LIVES = timedelta(hours=1)
# Most codes within the window: per tenant, and per address over all tenants.
WINDOW = timedelta(hours=1)
MAX_OF_TENANT = 5
MAX_TO_ADDRESS = 3


class State(StrEnum):
    """The states of a confirmation, named as in identity.contact_confirmations."""

    REQUESTED = "REQUESTED"
    CONFIRMED = "CONFIRMED"
    ENDED = "ENDED"


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.REQUESTED: {
        State.CONFIRMED: "the code was entered in time",
        State.ENDED: "another code was requested, the contact was removed, or five wrong codes were entered",
    },
    State.CONFIRMED: {State.ENDED: "another address was confirmed, or the contact was removed"},
    State.ENDED: {},
}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An address that a tenant wants as its contact; `expires_at` is when its code expires."""

    id: UUID
    tenant_id: UUID
    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a tenant's notices go, and the address that waits for its code; empty addresses are absent."""

    tenant_id: UUID
    address: str
    confirmed_at: datetime | None
    pending_address: str
    code_expires_at: datetime | None
