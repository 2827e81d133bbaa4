"""Whether email may be sent now: what SES accepts from the account, and what the tenant may send. Pure."""

from dataclasses import dataclass

from services.sender.model.states import State

# A SANDBOXED account may send to verified recipients; SES itself rejects all others.
_OPEN = frozenset({"READY", "UNDER_REVIEW", "SANDBOXED"})


@dataclass(frozen=True, slots=True)
class SesRegion:
    """The AWS account and region that emails are sent from."""

    account: str
    region: str


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
    def obstacle(self) -> str:
        """Return why no email is sent, as a sentence; empty if email is sent."""
        if self.state in _OPEN or (self.state == "UNREACHABLE" and self._was_open):
            return ""
        if self.state == "UNREACHABLE":
            return f"Waits until SES reports what the account may send. {self.note}".strip()
        return f"Waits while SES does not accept email from this account. {self.note}".strip()

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
    def obstacle(self) -> str:
        """Return why the tenant's email waits, as a sentence; empty if it does not."""
        if self.left_today is not None and self.left_today <= 0:
            return "Waits until tomorrow (00:00 UTC): the tenant has reached its daily sending limit."
        if self.left_now is not None and self.left_now <= 0 and self.slow_reason:
            return f"Waits because the tenant is throttled. {self.slow_reason}"
        if self.left_now is not None and self.left_now <= 0:
            return "Waits because the tenant has reached its sending rate."
        return ""


def waiting_message(
    state: State, note: str, pause_reason: str | None, account: Account, allowance: Allowance
) -> str:
    """Return the note that people see for an email; for a queued one, what it waits for now.

    `pause_reason` is None while the tenant is not paused.
    """
    if state is not State.QUEUED:
        return note
    if pause_reason is not None:
        reason = f" ({pause_reason})" if pause_reason else ""
        return f"Waits while the tenant is paused{reason}. Ask the operator to resume it."
    return account.obstacle or allowance.obstacle or note
