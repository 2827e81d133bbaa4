"""The state of the SES account in a region, and the message that operators read about it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class AccountState(StrEnum):
    """Whether the account can send; the values of `SesAccount.State` and verifier.ses_account."""

    UNREACHABLE = "UNREACHABLE"
    READY = "READY"
    SANDBOXED = "SANDBOXED"
    PAUSED = "PAUSED"
    UNDER_REVIEW = "UNDER_REVIEW"


@dataclass(frozen=True, slots=True)
class AccountChange:
    """A change of the account's state; `note` explains the new state."""

    account: str
    region: str
    before: AccountState
    after: AccountState
    note: str


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

    def state(self) -> tuple[AccountState, str]:
        """Return the account's state and the message that says what it means and what to do."""
        if self.enforcement_status == "SHUTDOWN":
            return AccountState.PAUSED, (
                "SES has suspended sending for this account. Answer AWS's message in the SES console, under "
                "Account dashboard."
            )
        if not self.sending_enabled:
            return AccountState.PAUSED, (
                "Sending is disabled for this account. Enable it with `aws sesv2 "
                "put-account-sending-attributes --sending-enabled`."
            )
        if not self.production_access:
            return AccountState.SANDBOXED, (
                "The account is in the SES sandbox and can send only to verified addresses and the mailbox "
                "simulator. Request production access in the SES console."
            )
        if self.enforcement_status == "PROBATION":
            return AccountState.UNDER_REVIEW, (
                "The account can send, but is under review by SES because of bounces or complaints. Answer "
                "AWS's message in the SES console, under Account dashboard."
            )
        return AccountState.READY, "The account can send."
