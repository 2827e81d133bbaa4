"""The state of the SES account in a region, and why it is in it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from services.verifier.model.messages.accounts import explain
from services.verifier.model.reasons import AccountReason, Explanation


class AccountState(StrEnum):
    """Whether the account can send; the values of `SesAccount.State` and verifier.ses_account."""

    UNREACHABLE = "UNREACHABLE"
    READY = "READY"
    SANDBOXED = "SANDBOXED"
    PAUSED = "PAUSED"
    UNDER_REVIEW = "UNDER_REVIEW"


@dataclass(frozen=True, slots=True)
class AccountChange:
    """A change of the account's state; `why` explains the new state."""

    account: str
    region: str
    before: AccountState
    after: AccountState
    why: Explanation[AccountReason]


@dataclass(frozen=True, slots=True)
class Listed:
    """One domain identity in the account's list."""

    name: str
    verification_status: str | None
    sending_enabled: bool | None


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The response to GetAccount; a limit of -1 recipients means no limit."""

    production_access: bool
    sending_enabled: bool
    enforcement_status: str
    max_send_rate: float  # emails a second
    max_24_hour_send: float  # recipients
    sent_last_24_hours: float

    def state(self) -> tuple[AccountState, Explanation[AccountReason]]:
        """Return the account's state, and why it is in it."""
        if self.enforcement_status == "SHUTDOWN":
            return AccountState.PAUSED, explain(AccountReason.SUSPENDED)
        if not self.sending_enabled:
            return AccountState.PAUSED, explain(AccountReason.SENDING_DISABLED)
        if not self.production_access:
            return AccountState.SANDBOXED, explain(AccountReason.SANDBOXED)
        if self.enforcement_status == "PROBATION":
            return AccountState.UNDER_REVIEW, explain(AccountReason.UNDER_REVIEW)
        return AccountState.READY, explain(AccountReason.CAN_SEND)
