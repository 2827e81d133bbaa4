"""The client for AWS SES SendEmail: each call makes one POST, and every outcome is an Answer.

SendEmail has no idempotency token, so nothing here retries a request. A rejection is definite if SES returned
a known error code, or if no byte of the request was written. Every other answer counts as lost and is
resolved only by an SES event or an operator: an email that may have been sent is not sent again on a guess.
Calls block, so they run in the sender's threads.
"""

import functools
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.exceptions import ClientError, ParamValidationError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from chassis import aws
from chassis.regions import AwsRegion
from services.sender.model.posting import Accepted, Answer, Lost, Post, Rejected, Then
from services.sender.model.reasons import EmailReason, Parameters

TIMEOUTS = aws.Timeouts(connect=timedelta(seconds=3), read=timedelta(seconds=10))
# A server may close an idle connection at any moment, and a request written at that moment is lost: 1 in 25
# was, before the client closed idle connections first.
MAX_IDLE = timedelta(seconds=5)

RATE = Rejected(
    Then.RETRY,
    EmailReason.SES_RATE_EXCEEDED,
    pause=timedelta(seconds=1),
    longest=timedelta(seconds=30),
    everyone=True,
)
QUOTA = Rejected(
    Then.RETRY,
    EmailReason.SES_QUOTA_EXCEEDED,
    pause=timedelta(minutes=2),
    longest=timedelta(minutes=10),
    everyone=True,
)
PAUSED = Rejected(
    Then.RETRY,
    EmailReason.SES_PAUSED,
    pause=timedelta(seconds=30),
    everyone=True,
)
SETUP = Rejected(
    Then.RETRY,
    EmailReason.SES_SETUP_REJECTED,
    pause=timedelta(seconds=15),
    everyone=True,
)
UNREACHED = Rejected(
    Then.RETRY,
    EmailReason.SES_UNREACHABLE,
    longest=timedelta(minutes=1),
    everyone=True,
)
RETURN_PATH = Rejected(
    Then.HOLD,
    EmailReason.RETURN_PATH_MISSING,
    pause=timedelta(minutes=2),
    longest=timedelta(hours=1),
)
# Longer than verifier needs to find out, so that the email is then held by its domain's state.
IDENTITY = Rejected(
    Then.HOLD,
    EmailReason.IDENTITY_NOT_VERIFIED,
    pause=timedelta(minutes=2),
    longest=timedelta(hours=1),
)
REJECTED = Rejected(Then.FAIL, EmailReason.SES_REJECTED)

# The beginning of the message of a MessageRejected that lists the identities which "failed the check".
NOT_VERIFIED = "Email address is not verified"

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


class Ses:
    """SES SendEmail in one account and region."""

    def __init__(
        self, region: AwsRegion, *, configuration_set: str, threads: int, max_idle: timedelta = MAX_IDLE
    ) -> None:
        self._configuration_set = configuration_set
        self._client = aws.client(region, "sesv2", TIMEOUTS, connections=threads)
        self._session = _Session(
            _pools(max_idle),
            verify=aws.session(region.profile).get_config_variable("ca_bundle") or True,
            proxies=get_environ_proxies(self._client.meta.endpoint_url),
            timeout=TIMEOUTS.seconds,
            max_pool_connections=threads,
            # Without it, the kernel holds back the end of a request until SES acknowledges its beginning.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        # With this public hook, a handler sends the request instead of botocore.
        self._client.meta.events.register("before-send.sesv2.SendEmail", self._send)

    def post(self, post: Post) -> Answer:
        """Submit one email to SES, once. Never raise."""
        answer: Answer
        _wire.wrote = False
        try:
            response = self._client.send_email(**self._parameters(post))
            counted, answer = "ok", Accepted(response["MessageId"])
        except ClientError as error:
            details = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            counted = details.get("Code", "")
            answer = read_error(counted, status, details.get("Message", ""), sender=post.sender)
        except ParamValidationError as error:
            counted = "invalid"
            answer = Rejected(Then.FAIL, EmailReason.REQUEST_INVALID, error=str(error))
        except Exception as error:  # noqa: BLE001 - after any other error, SES may have accepted the email
            counted, answer = _read_fault(error)
        _counter(counted).inc()
        return answer

    def close(self) -> None:
        """Close every connection."""
        self._session.close()
        self._client.close()

    def _send(self, request: Any, **_: Any) -> Any:
        return self._session.send(request)

    def _parameters(self, post: Post) -> dict[str, Any]:
        destination = {"ToAddresses": post.to, "CcAddresses": post.cc, "BccAddresses": post.bcc}
        return {
            "FromEmailAddress": post.sender,
            "Destination": {kind: list(addresses) for kind, addresses in destination.items() if addresses},
            "Content": {"Raw": {"Data": post.content}},
            "ConfigurationSetName": self._configuration_set,
            "EmailTags": [{"Name": name, "Value": value} for name, value in post.tags.items()],
        }


def read_error(code: str, status: int, message: str, *, sender: str = "") -> Answer:
    """Classify an error that SES returned for an email from `sender`; `status` is the HTTP status."""
    error = f"{code} ({status}): {message}"
    if not 400 <= status < 500 or code not in REJECTIONS:
        return Lost(error)
    rejection = REJECTIONS[code]
    if rejection is RATE and _is_about_quota(message):
        rejection = QUOTA
    if rejection is REJECTED and _is_about_sender(message, sender):
        rejection = IDENTITY
    # Only a message about the email itself is for its tenant: the others may name the operator's resources.
    parameters = Parameters(ses_code=code, ses_message=message if rejection is REJECTED else "")
    return replace(rejection, parameters=parameters, error=error)


def _is_about_quota(message: str) -> bool:
    """Return whether the message is about the daily quota, which has the same code as the sending rate."""
    return "quota" in message.lower()


def _is_about_sender(message: str, sender: str) -> bool:
    """Return whether SES lists the sender among the identities that are not verified, not only recipients.

    https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
    """
    return bool(sender) and message.startswith(NOT_VERIFIED) and sender.lower() in message.lower()


@functools.cache
def _counter(outcome: str) -> Any:
    """Return the counter of an outcome; to look it up takes ten times as long as to count."""
    return aws.CALLS.labels("sesv2", "send_email", outcome)


def _read_fault(error: Exception) -> tuple[str, Answer]:
    """Classify an error that is not an SES response, with the outcome to count it as.

    If no byte was written, SES cannot have accepted the email.
    """
    described = f"{type(error).__name__}: {error}"
    if _wire.wrote:
        return "incomplete" if isinstance(error, KeyError) else "no_answer", Lost(described)
    if isinstance(error, aws.NO_CREDENTIALS):
        return "no_credentials", replace(SETUP, error=described)
    return "no_answer", replace(UNREACHED, error=described)


class _Wire(threading.local):
    """Whether any byte of this thread's request was written; until then, nothing can have been sent."""

    wrote = False


_wire = _Wire()


class _Tracked:
    """A connection that records when a request is written, and is not reused after a long idle time."""

    max_idle = 0.0  # seconds
    _used_at = float("inf")

    @property
    def is_connected(self) -> bool:
        fresh = time.monotonic() - self._used_at < self.max_idle
        return fresh and bool(super().is_connected)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()  # type: ignore[attr-defined]
        _wire.wrote = True
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self._used_at = time.monotonic()
        return response


def _pools(max_idle: timedelta) -> dict[str, type]:
    """Return botocore's own connection pools, by URL scheme, with tracked connections."""
    attributes = {"max_idle": max_idle.total_seconds()}
    http = type("HttpConnection", (_Tracked, AWSHTTPConnection), attributes)
    https = type("HttpsConnection", (_Tracked, AWSHTTPSConnection), attributes)
    return {
        "http": type("HttpPool", (AWSHTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("HttpsPool", (AWSHTTPSConnectionPool,), {"ConnectionCls": https}),
    }


class _Session(URLLib3Session):  # type: ignore[misc]
    """Botocore's own HTTP session with these connection pools."""

    def __init__(self, pools: dict[str, type], **settings: Any) -> None:
        super().__init__(**settings)
        self._pool_classes_by_scheme.update(pools)
