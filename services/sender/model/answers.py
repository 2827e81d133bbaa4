"""What SES's answers mean: accepted, refused for certain, or lost. Pure.

A refusal is certain when SES said no in words we know, or when no byte of the request left. Everything else
is lost, and settled by evidence alone: an email that may have been sent is never sent again blindly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias


class Then(StrEnum):
    """What becomes of an email that SES refused."""

    RETRY = "RETRY"  # queued again, after a while
    HOLD = "HOLD"  # held for its domain's sake
    FAIL = "FAIL"  # failed for good


@dataclass(frozen=True, slots=True)
class Accepted:
    """SES took it. `ses_id` is empty when that is known from its event alone."""

    ses_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was sent. `note` is a sentence; `error` is for operators.

    `pause` is how long to wait first, doubled with each attempt up to `longest`. With `everyone`, any other
    email would be refused as well, so all of them wait.
    """

    then: Then
    note: str
    error: str = ""
    pause: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)
    everyone: bool = False

    def delay(self, attempt: int) -> timedelta:
        """Give the wait after this attempt; the first is 1."""
        doubled: timedelta = self.pause * 2 ** min(attempt - 1, 16)
        return min(doubled, self.longest)


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody knows. `error` is for operators."""

    error: str


Answer: TypeAlias = Accepted | Refused | Lost

RATE = Refused(
    Then.RETRY,
    "SES asked to slow down; it is tried again within seconds.",
    pause=timedelta(seconds=1),
    longest=timedelta(seconds=30),
    everyone=True,
)
QUOTA = Refused(
    Then.RETRY,
    "SES's daily quota is used up; it is tried again as that frees. AWS raises the quota when asked.",
    pause=timedelta(minutes=2),
    longest=timedelta(minutes=10),
    everyone=True,
)
PAUSED = Refused(
    Then.RETRY,
    "SES has paused this account's sending; it is tried again until its deadline. AWS's console says why.",
    pause=timedelta(seconds=30),
    everyone=True,
)
SETUP = Refused(
    Then.RETRY,
    "SES refused us, not this email: see the operator's log. It is tried again until its deadline.",
    pause=timedelta(seconds=15),
    everyone=True,
)
UNREACHED = Refused(
    Then.RETRY,
    "SES could not be reached; nothing was sent, and it is tried again.",
    longest=timedelta(minutes=1),
    everyone=True,
)
RETURN_PATH = Refused(
    Then.HOLD,
    "SES misses the MX record of the domain's return path. Publish it as GetDomain shows; it is sent then.",
    pause=timedelta(minutes=2),
    longest=timedelta(hours=1),
)
REJECTED = Refused(Then.FAIL, "SES refused this email")
NO_SLOT = Refused(Then.RETRY, "It waits for its turn at SES's sending rate.", longest=timedelta(seconds=4))

# Error codes of SendEmail and of every AWS operation. 4xx alone: a 5xx may come after the email was accepted.
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and CommonErrors.html
REFUSALS: Mapping[str, Refused] = {
    "TooManyRequestsException": RATE,
    "ThrottlingException": RATE,
    "Throttling": RATE,
    "LimitExceededException": QUOTA,
    "SendingPausedException": PAUSED,
    "AccountSuspendedException": PAUSED,
    "MailFromDomainNotVerifiedException": RETURN_PATH,
    "MessageRejected": REJECTED,
    "BadRequestException": REJECTED,
    "ValidationError": REJECTED,
    "ValidationException": REJECTED,
    "RequestEntityTooLargeException": REJECTED,
    "NotFoundException": SETUP,
    "AccessDeniedException": SETUP,
    "AccessDenied": SETUP,
    "NotAuthorized": SETUP,
    "OptInRequired": SETUP,
    "ExpiredToken": SETUP,
    "ExpiredTokenException": SETUP,
    "IncompleteSignature": SETUP,
    "InvalidClientTokenId": SETUP,
    "InvalidSignatureException": SETUP,
    "MissingAuthenticationToken": SETUP,
    "MissingAuthenticationTokenException": SETUP,
    "RequestExpired": SETUP,
    "SignatureDoesNotMatch": SETUP,
    "UnrecognizedClientException": SETUP,
}


def read_error(code: str, status: int, message: str) -> Answer:
    """Say what an error that SES answered means; `status` is HTTP's."""
    error = f"{code} ({status}): {message}"
    if not 400 <= status < 500 or code not in REFUSALS:
        return Lost(error)
    refused = REFUSALS[code]
    if refused is RATE and _speaks_of_quota(message):
        refused = QUOTA
    if refused is REJECTED:
        return replace(refused, note=f"SES refused this email: {message or code}", error=error)
    return replace(refused, error=error)


def _speaks_of_quota(message: str) -> bool:
    """Tell "Daily message quota exceeded" from "Maximum sending rate exceeded": both come under one code."""
    return "quota" in message.lower()
