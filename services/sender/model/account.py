"""Whether email may leave just now: what SES takes from the account, and what its tenant may send. Pure."""

from dataclasses import dataclass

from services.sender.model.emails import State

# SANDBOXED is allowed to send: to verified recipients, and SES refuses the others by itself.
_OPEN = frozenset({"READY", "UNDER_REVIEW", "SANDBOXED"})


@dataclass(frozen=True, slots=True)
class Account:
    """The account in one region; the defaults are of one that verifier has never seen.

    `state` is a word of verifier's; when SES is UNREACHABLE, what was last known of the rest stands.
    `max_send_rate` is in recipients per second.
    """

    state: str = "UNREACHABLE"
    note: str = ""
    sending_enabled: bool | None = None
    enforcement_status: str | None = None
    max_send_rate: float = 1.0

    @property
    def obstacle(self) -> str:
        """Why no email leaves, in a sentence; empty when email leaves."""
        if self.state in _OPEN or (self.state == "UNREACHABLE" and self._was_open):
            return ""
        if self.state == "UNREACHABLE":
            return f"Waits until SES answers what the account may send. {self.note}".strip()
        return f"Waits while SES does not take email from this account. {self.note}".strip()

    @property
    def _was_open(self) -> bool:
        return self.sending_enabled is True and self.enforcement_status != "SHUTDOWN"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many recipients a tenant may still send to today and just now; None where nothing limits it.

    `slow_reason` says why it is slowed down, None where it is not.
    """

    left_today: int | None = None
    left_now: int | None = None
    slow_reason: str | None = None

    @property
    def obstacle(self) -> str:
        """Why the tenant's email waits, in a sentence; empty when it need not."""
        if self.left_today is not None and self.left_today <= 0:
            return "Waits for tomorrow (00:00 UTC): the tenant has sent what it may in a day."
        if self.left_now is not None and self.left_now <= 0 and self.slow_reason:
            return f"Waits for its turn: the tenant is slowed down. {self.slow_reason}"
        if self.left_now is not None and self.left_now <= 0:
            return "Waits for its turn at the tenant's own sending rate."
        return ""


def waiting_note(
    state: State, note: str, pause_reason: str | None, account: Account, allowance: Allowance
) -> str:
    """Give an email's note as people see it: what waits says for what, as it is now.

    `pause_reason` is None while the tenant is not paused.
    """
    if state is not State.QUEUED:
        return note
    if pause_reason is not None:
        reason = f" ({pause_reason})" if pause_reason else ""
        return f"Waits while the tenant is paused{reason}. Ask the operator to resume it."
    return account.obstacle or allowance.obstacle or note
