"""The meaning of SES's answers: accepted, definitely rejected, or lost. Pure.

A rejection is definite if SES returned a known error code, or if no byte of the request was sent. Every other
answer counts as lost and is resolved only by an SES event or an operator: an email that may have been sent is
not sent again on a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias


class Then(StrEnum):
    """What happens to an email that SES rejected."""

    RETRY = "RETRY"  # queued again, after a delay
    HOLD = "HOLD"  # held because of its domain
    FAIL = "FAIL"  # failed permanently


@dataclass(frozen=True, slots=True)
class Accepted:
    """SES accepted it. `ses_id` is empty if that is known only from an event."""

    ses_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing was sent. `note` is a sentence; `error` is for operators.

    `pause` is the first delay, doubled with each attempt up to `longest`. With `everyone`, SES would reject
    every other email as well, so all of them wait.
    """

    then: Then
    note: str
    error: str = ""
    pause: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)
    everyone: bool = False

    def delay(self, attempt: int) -> timedelta:
        """Return the delay after this attempt; the first attempt is 1."""
        doubled: timedelta = self.pause * 2 ** min(attempt - 1, 16)
        return min(doubled, self.longest)


@dataclass(frozen=True, slots=True)
class Lost:
    """It is unknown whether SES accepted it. `error` is for operators."""

    error: str


Answer: TypeAlias = Accepted | Rejected | Lost

RATE = Rejected(
    Then.RETRY,
    "SES asked to slow down; the email is retried within seconds.",
    pause=timedelta(seconds=1),
    longest=timedelta(seconds=30),
    everyone=True,
)
QUOTA = Rejected(
    Then.RETRY,
    "SES's daily quota is used up; the email is retried as quota frees up. AWS raises it on request.",
    pause=timedelta(minutes=2),
    longest=timedelta(minutes=10),
    everyone=True,
)
PAUSED = Rejected(
    Then.RETRY,
    "SES paused this account's sending; the email is retried until its deadline. The AWS console says why.",
    pause=timedelta(seconds=30),
    everyone=True,
)
SETUP = Rejected(
    Then.RETRY,
    "SES rejected the account's setup, not this email: see the logs. It is retried until its deadline.",
    pause=timedelta(seconds=15),
    everyone=True,
)
UNREACHED = Rejected(
    Then.RETRY,
    "SES could not be reached, so nothing was sent; the email is retried.",
    longest=timedelta(minutes=1),
    everyone=True,
)
RETURN_PATH = Rejected(
    Then.HOLD,
    "SES cannot find the MX record of the return path. Publish it as GetDomain shows to send the email.",
    pause=timedelta(minutes=2),
    longest=timedelta(hours=1),
)
REJECTED = Rejected(Then.FAIL, "SES rejected this email")
NO_SLOT = Rejected(Then.RETRY, "Waits because SES's sending rate is reached.", longest=timedelta(seconds=4))

# Error codes of SendEmail and of all AWS operations, with status 4xx only: after a 5xx, SES may have accepted
# the email.
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and CommonErrors.html
REJECTIONS: Mapping[str, Rejected] = {
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
    """Classify an error that SES returned; `status` is the HTTP status."""
    error = f"{code} ({status}): {message}"
    if not 400 <= status < 500 or code not in REJECTIONS:
        return Lost(error)
    rejection = REJECTIONS[code]
    if rejection is RATE and _is_about_quota(message):
        rejection = QUOTA
    if rejection is REJECTED:
        return replace(rejection, note=f"SES rejected this email: {message or code}", error=error)
    return replace(rejection, error=error)


def _is_about_quota(message: str) -> bool:
    """Return whether the message is about the daily quota, which has the same code as the sending rate."""
    return "quota" in message.lower()
