"""Tenants as values: their state, their limits and what they may send."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class TenantState(StrEnum):
    """Whether a tenant may send."""

    ACTIVE = "ACTIVE"  # may send
    PAUSED = "PAUSED"  # may read, but not send or create


class UnreadyPolicy(StrEnum):
    """How email from a domain that is not ready is handled."""

    REFUSE = "REFUSE"  # reject it
    SHARED = "SHARED"  # send it through the installation's shared sender


@dataclass(frozen=True, slots=True)
class Limits:
    """A tenant's own limits in recipients per second and per UTC day; None: the installation's default."""

    max_send_rate: float | None = None
    daily_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What sender lets a tenant send now; `limits` are the effective limits, None where unlimited."""

    limits: Limits
    sent_today: int
    slow_reason: str
    slowed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One team or product; `is_operator` marks the installation's operator and never changes."""

    id: UUID
    name: str
    is_operator: bool
    state: TenantState
    unready_policy: UnreadyPolicy
    pause_reason: str
    created_at: datetime
    updated_at: datetime
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class TenantChange:
    """New values for a tenant; only the fields named in `paths` apply."""

    paths: frozenset[str]
    name: str
    unready_policy: UnreadyPolicy
    limits: Limits
