"""What SES says of the whole account in a region, and the sentence that people read about it. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class AccountState(StrEnum):
    """Whether the account can send; the words of `SesAccount.State` and verifier.ses_account."""

    UNREACHABLE = "UNREACHABLE"
    READY = "READY"
    SANDBOXED = "SANDBOXED"
    PAUSED = "PAUSED"
    UNDER_REVIEW = "UNDER_REVIEW"


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What became of the account's state; `note` says what it means."""

    account: str
    region: str
    before: AccountState
    after: AccountState
    note: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One domain of the account's list."""

    name: str
    verification_status: str | None
    sending_enabled: bool | None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What GetAccount answered; a limit of -1 recipients means no limit."""

    production_access: bool
    sending_enabled: bool
    enforcement_status: str
    max_send_rate: float  # emails a second
    max_24_hour_send: float  # recipients
    sent_last_24_hours: float

    def state(self) -> tuple[AccountState, str]:
        """Returns the state of the account, and what it means and asks for."""
        if self.enforcement_status == "SHUTDOWN":
            return AccountState.PAUSED, (
                "SES has stopped this account from sending. Answer AWS's message in the SES console, under "
                "Account dashboard."
            )
        if not self.sending_enabled:
            return AccountState.PAUSED, (
                "Sending is switched off for this account. Switch it on with `aws sesv2 "
                "put-account-sending-attributes --sending-enabled`."
            )
        if not self.production_access:
            return AccountState.SANDBOXED, (
                "The account is in SES's sandbox: it sends to verified addresses and the simulator only. "
                "Request production access in the SES console."
            )
        if self.enforcement_status == "PROBATION":
            return AccountState.UNDER_REVIEW, (
                "The account sends, but SES reviews it for bounces or complaints. Answer AWS's message in "
                "the SES console, under Account dashboard."
            )
        return AccountState.READY, "The account sends."
