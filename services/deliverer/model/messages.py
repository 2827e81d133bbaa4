"""Messages: one event for one endpoint, the attempts to post it, and what an answer means."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

LONGEST_ANSWER = 4096  # characters, of as many bytes
GONE = 410


class Problem(StrEnum):
    """Why there was no answer; the same names as in proto and SQL."""

    NONE = ""
    TIMEOUT = "TIMEOUT"
    NAME_NOT_FOUND = "NAME_NOT_FOUND"
    NOT_PUBLIC = "NOT_PUBLIC"
    CONNECTION = "CONNECTION"
    TLS = "TLS"
    NOT_HTTP = "NOT_HTTP"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened: what endpoints receive as `type` and `data`.

    `claim_id` is the domain that it is about; `recipient` the address, if it is about one of several.
    """

    type: str  # the name of an EventType
    data: dict[str, Any]
    claim_id: UUID | None = None
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that may receive events; `types` are names of EventType, no `claim_ids` = all domains."""

    id: UUID
    tenant_id: UUID
    types: frozenset[str]
    claim_ids: frozenset[UUID]
    created_at: datetime
    disabled: bool

    def wants(self, occurrence: Occurrence) -> bool:
        """Return whether the endpoint chose this type, and this domain or all."""
        chosen = not self.claim_ids or occurrence.claim_id in self.claim_ids
        return occurrence.type in self.types and chosen


@dataclass(frozen=True, slots=True)
class Message:
    """A message to store."""

    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    type: str
    payload: str
    state: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Leased:
    """A message to post now, with what that needs; secrets are encrypted."""

    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    payload: str
    retries: int
    lease_token: int
    created_at: datetime
    url: str
    secret: bytes
    previous_secret: bytes | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered; `status` None = nothing, and `problem` says why."""

    status: int | None
    problem: Problem = Problem.NONE
    text: str = ""
    retry_after: timedelta | None = None

    @property
    def ok(self) -> bool:
        """Return whether the message is delivered. A redirect is a failure: it is not followed."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Return whether the endpoint asks that nothing more is posted to it."""
        return self.status == GONE

    @property
    def timed_out(self) -> bool:
        """Return whether the answer did not arrive in time."""
        return self.problem is Problem.TIMEOUT


@dataclass(frozen=True, slots=True)
class Attempt:
    """A finished attempt to post a message, to store.

    `state` is that of the message from now on; `pause` is the time until it is due again, if it is.
    """

    id: UUID
    message: Leased
    answer: Answer
    state: str
    pause: timedelta | None
    duration: timedelta


def message_id(event_id: UUID, endpoint_id: UUID, occurrence: Occurrence) -> UUID:
    """Return the id of a message: the same for the same event, endpoint, type and recipient.

    It keeps the time of the event's UUIDv7, so that ids sort by time; the rest is a hash (UUIDv8, RFC 9562).
    """
    parts = (str(event_id), str(endpoint_id), occurrence.type, occurrence.recipient)
    digest = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:10])
    time, rest = event_id.int >> 80, digest & ((1 << 74) - 1)
    return UUID(int=time << 80 | 0x8 << 76 | (rest >> 62) << 64 | 0b10 << 62 | rest & ((1 << 62) - 1))


def shown(answer: bytes) -> str:
    """Return the beginning of an answer as printable text: it is stored, and shown on pages."""
    text = answer[:LONGEST_ANSWER].decode("utf-8", "backslashreplace")
    escaped = "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in text
    )
    return escaped[:LONGEST_ANSWER]
