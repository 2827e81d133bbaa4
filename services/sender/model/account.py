"""Whether email may be sent now: what SES accepts from the account, and what the tenant may send. Pure."""

from dataclasses import dataclass

from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason, Explanation
from services.sender.model.states import State

# A SANDBOXED account may send to verified recipients; SES itself rejects all others.
_OPEN = frozenset({"READY", "UNDER_REVIEW", "SANDBOXED"})


@dataclass(frozen=True, slots=True)
class Account:
    """The account in one region; the defaults describe an account that verifier has not checked yet.

    `state` is a verifier state; while SES is UNREACHABLE, the other fields keep their last known values.
    `max_send_rate` is in recipients per second.
    """

    state: str = "UNREACHABLE"
    note: str = ""
    sending_enabled: bool | None = None
    enforcement_status: str | None = None
    max_send_rate: float = 1.0

    @property
    def obstacle(self) -> Explanation | None:
        """Return why no email is sent; None if email is sent."""
        if self.state in _OPEN or (self.state == "UNREACHABLE" and self._was_open):
            return None
        if self.state == "UNREACHABLE":
            return explain(EmailReason.ACCOUNT_UNKNOWN, explanation=self.note)
        return explain(EmailReason.ACCOUNT_CLOSED, explanation=self.note)

    @property
    def _was_open(self) -> bool:
        return self.sending_enabled is True and self.enforcement_status != "SHUTDOWN"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many recipients a tenant may still send to today and right now; None means no limit.

    `slow_reason` says why the tenant is throttled; None means that it is not.
    """

    left_today: int | None = None
    left_now: int | None = None
    slow_reason: str | None = None

    @property
    def obstacle(self) -> Explanation | None:
        """Return why the tenant's email waits; None if it does not."""
        if self.left_today is not None and self.left_today <= 0:
            return explain(EmailReason.TENANT_DAILY_LIMIT_REACHED)
        if self.left_now is not None and self.left_now <= 0 and self.slow_reason:
            return explain(EmailReason.TENANT_THROTTLED, explanation=self.slow_reason)
        if self.left_now is not None and self.left_now <= 0:
            return explain(EmailReason.TENANT_RATE_REACHED)
        return None


def current(
    state: State, why: Explanation, pause_reason: str | None, account: Account, allowance: Allowance
) -> Explanation:
    """Return why an email is in its state; for a queued one, what it waits for now.

    `pause_reason` is None while the tenant is not paused.
    """
    if state is not State.QUEUED:
        return why
    if pause_reason is not None:
        return explain(EmailReason.TENANT_PAUSED, explanation=pause_reason)
    return account.obstacle or allowance.obstacle or why
