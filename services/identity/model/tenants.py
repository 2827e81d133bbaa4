"""Tenants as values: whether one may send, and how much."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class TenantState(StrEnum):
    """Whether a tenant may send."""

    ACTIVE = "ACTIVE"  # may send
    PAUSED = "PAUSED"  # may read, but neither send nor create


class UnreadyPolicy(StrEnum):
    """What happens to email from a domain that is not ready."""

    REFUSE = "REFUSE"  # it is refused
    SHARED = "SHARED"  # it leaves through the installation's shared sender


@dataclass(frozen=True, slots=True)
class Limits:
    """The most recipients a second and a day (UTC) of a tenant; None: as the installation has it."""

    max_send_rate: float | None = None
    daily_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What sender lets a tenant send now; `limits` are those in force, None where nothing limits it."""

    limits: Limits
    sent_today: int
    slow_reason: str
    slowed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One team or product; `is_operator` marks the one that runs this installation, for good."""

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
    """New values of a tenant, of which those count whose fields `paths` names."""

    paths: frozenset[str]
    name: str
    unready_policy: UnreadyPolicy
    limits: Limits
