"""Customers' endpoints, what was posted to them, and their secrets."""

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret scanner looks for
SECRET_BYTES = 32  # the Standard Webhooks specification allows 24 to 64
# How long the previous secret signs after a rotation.
PREVIOUS_SECRET_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Target:
    """What a caller decides. `types` are names of EventType; no `claim_ids` means all domains."""

    url: str
    types: tuple[str, ...]
    claim_ids: tuple[UUID, ...]
    state: str = "ENABLED"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint with what deliverer found; `secret` is empty in lists."""

    id: UUID
    tenant_id: UUID
    target: Target
    secret: str
    previous_secret_expires_at: datetime | None
    disable_reason: str
    disabled_at: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """New values of an endpoint, for the fields in `paths`."""

    paths: frozenset[str]
    target: Target


@dataclass(frozen=True, slots=True)
class Message:
    """An event of one endpoint; `payload` is empty in lists."""

    id: UUID
    endpoint_id: UUID
    type: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    occurred_at: datetime
    payload: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One post of a message; `status` None = there was no answer, and `problem` says why."""

    id: UUID
    status: int | None
    problem: str
    answer: str
    duration: timedelta
    attempted_at: datetime


def new_secret() -> str:
    """Return a new secret in the form of the Standard Webhooks specification."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def chosen(paths: Collection[str], path: str, new: Target) -> object | None:
    """Return the new value of a field; None if it does not change."""
    values = {"url": new.url, "event_types": new.types, "domain_ids": new.claim_ids, "state": new.state}
    return values[path] if path in paths else None
