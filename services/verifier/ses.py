"""Read-only client for the SES control API, which takes one request per second and account.

The worker decides when to make a request.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from prometheus_client import Counter

from chassis import config
from chassis.threads import Executor
from services.verifier.model.account import AccountStatus, Listed
from services.verifier.model.evidence import SesIdentity

CALLS = Counter("letterhead_ses_control_total", "Control requests to SES", ["operation", "outcome"])

PAGE_SIZE = 1000  # identities per page, the maximum of ListEmailIdentities
_THROTTLES = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling"})


class SesUnavailableError(Exception):
    """SES gave no usable response; the message is for operators."""


class SesThrottledError(SesUnavailableError):
    """SES throttled the request."""


class SesReader:
    """The three SES requests of the verifier; each raises SesUnavailableError without a usable response."""

    def __init__(self, client: Any, executor: Executor) -> None:
        self._client = client
        self._executor = executor

    async def identity(self, name: str) -> SesIdentity:
        """Return the identity of a domain, with `exists` False when SES has none."""
        try:
            answer = await self._ask("get_email_identity", "VerifiedForSendingStatus", EmailIdentity=name)
        except SesUnavailableError as error:
            if isinstance(error.__cause__, ClientError) and _code(error.__cause__) == "NotFoundException":
                return SesIdentity(exists=False)
            raise
        return _identity(answer)

    async def list(self, token: str | None) -> tuple[list[Listed], str | None]:
        """Return a page of domain identities and the token of the next page, None after the last."""
        page = {"PageSize": PAGE_SIZE} | ({"NextToken": token} if token else {})
        answer = await self._ask("list_email_identities", "EmailIdentities", **page)
        domains = [
            Listed(each["IdentityName"], each.get("VerificationStatus"), each.get("SendingEnabled"))
            for each in answer["EmailIdentities"]
            if each.get("IdentityType") == "DOMAIN"
        ]
        return domains, answer.get("NextToken")

    async def account(self) -> AccountStatus:
        """Return the account's sending status and quota."""
        answer = await self._ask("get_account", "SendQuota")
        quota = answer["SendQuota"]
        return AccountStatus(
            production_access=bool(answer.get("ProductionAccessEnabled")),
            sending_enabled=bool(answer.get("SendingEnabled")),
            enforcement_status=answer.get("EnforcementStatus", ""),
            max_send_rate=float(quota.get("MaxSendRate", 1)),
            max_24_hour_send=float(quota.get("Max24HourSend", 200)),
            sent_last_24_hours=float(quota.get("SentLast24Hours", 0)),
        )

    async def _ask(self, operation: str, expected: str, **parameters: Any) -> Mapping[str, Any]:
        """Make one request. `expected` must be in the response, as botocore parses a cut-off one as empty."""
        try:
            answer: Mapping[str, Any] = await self._executor.run(
                getattr(self._client, operation), **parameters
            )
        except ClientError as error:
            CALLS.labels(operation, _code(error)).inc()
            kind = SesThrottledError if _code(error) in _THROTTLES else SesUnavailableError
            raise kind(f"SES rejected the request ({_code(error)}).") from error
        except NoCredentialsError as error:
            CALLS.labels(operation, "no_credentials").inc()
            raise SesUnavailableError("No AWS credentials found. Give this service its IAM role.") from error
        except BotoCoreError as error:
            CALLS.labels(operation, "no_answer").inc()
            raise SesUnavailableError(f"SES did not respond ({type(error).__name__}).") from error
        if expected not in answer:
            CALLS.labels(operation, "incomplete_response").inc()
            raise SesUnavailableError("SES returned an incomplete response.")
        CALLS.labels(operation, "ok").inc()
        return answer


@asynccontextmanager
async def open_ses(settings: config.Aws) -> AsyncIterator[SesReader]:
    """Create the client without making a request. boto3's retries are off, because the worker retries."""
    options = Config(
        connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=2,
    )  # fmt: skip
    async with Executor("ses", threads=2) as executor:
        client = await executor.run(
            boto3.client,
            "sesv2",
            region_name=settings.aws_region,
            endpoint_url=settings.aws_endpoint_url,
            config=options,
        )
        yield SesReader(client, executor)


def _identity(answer: Mapping[str, Any]) -> SesIdentity:
    dkim, mail_from = answer.get("DkimAttributes", {}), answer.get("MailFromAttributes", {})
    # With signing disabled no token signs, whatever its status, so the tokens count as absent.
    tokens = dkim.get("Tokens", []) if dkim.get("SigningEnabled", True) else []
    return SesIdentity(
        verification_status=answer.get("VerificationStatus"),
        dkim_status=dkim.get("Status"),
        mail_from_status=mail_from.get("MailFromDomainStatus"),
        mail_from_domain=mail_from.get("MailFromDomain"),
        verified_for_sending=answer.get("VerifiedForSendingStatus"),
        error_type=answer.get("VerificationInfo", {}).get("ErrorType"),
        tokens=tuple(tokens),
        rejects_on_mx_failure=mail_from.get("BehaviorOnMxFailure") == "REJECT_MESSAGE",
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
