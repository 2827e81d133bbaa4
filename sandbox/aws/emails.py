"""Emails that SES has accepted, and SES's ids."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

Headers = list[tuple[str, str]]  # names with their values in wire format, folding included


def new_id(now: datetime) -> str:
    """Return a new id in SES's format for emails and feedback: 60 characters, the time first."""
    stamp = f"0100{int(now.timestamp() * 1000):012x}"
    return f"{stamp}-{secrets.token_hex(4)}-{str(uuid.uuid4())[9:]}-000000"


@dataclass(slots=True)
class Email:
    """An accepted email with everything that its events need. `body` is cleared once it is signed."""

    message_id: str
    accepted_at: datetime
    source: str
    identity: str
    recipients: list[str]
    envelope_from: str
    configuration_set: str | None
    source_ip: str
    tags: dict[str, str]
    headers: Headers
    body: bytes

    @property
    def from_domain(self) -> str:
        """Return the domain of the From address."""
        return self.source.rpartition("@")[2].lower()

    def header(self, name: str) -> str | None:
        """Return the unfolded value of the first header of that name, or None."""
        values = (value for key, value in self.headers if key.lower() == name.lower())
        return next((value.replace("\r\n", "").strip() for value in values), None)
