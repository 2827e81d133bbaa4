"""identity's SES v2 client: the control operations that it uses, run in threads without retries.

Only this file of identity uses boto3. The worker decides when to call and when to retry.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config as BotoConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from prometheus_client import Counter

from chassis import config
from chassis.threads import Executor
from services.identity.model.provisioning import Seen, Signing

CALLS = Counter("letterhead_ses_control_calls_total", "Control calls to SES", ["operation", "outcome"])

THREADS = 2
# Seconds. Together shorter than a lease. The worker retries, not botocore, because only the worker keeps to
# the rate that all services share.
CONNECT_TIMEOUT = 2
READ_TIMEOUT = 6
TAG = "letterhead"

_THROTTLES = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestThrottled"})
_CREDENTIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature"}
    | {"InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "NotAuthorized"}
    | {"OptInRequired", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError)
# Messages for errors that an operator must fix; {message} is AWS's own message.
_LASTING = {
    **dict.fromkeys(
        _CREDENTIALS, "AWS rejected Letterhead's credentials ({message}). An operator must fix them."
    ),
    "AccountSuspendedException": "AWS suspended the SES account ({message}). An operator must contact AWS.",
    "BadRequestException": "SES rejected the request ({message}).",
    "LimitExceededException": "The account has reached its limit of SES identities in {region} ({message}).",
    "NotFoundException": "SES returned not found ({message}). Check that configuration set {set!r} exists.",
}


class SesError(Exception):
    """A failed SES call with a message for users; an operator must fix a `lasting` one, retried slowly."""

    def __init__(self, sentence: str, *, lasting: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.lasting = lasting


@dataclass(frozen=True, kw_only=True)
class SesSettings:
    """The tag and the configuration set of this installation's identities at SES."""

    installation: str = config.setting(
        "letterhead", help="value of the tag that marks this installation's SES identities"
    )
    configuration_set: str = config.setting("letterhead", help="SES configuration set of the identities")


class Ses:
    """The SES client of one account and region, for identities with this installation's tag."""

    def __init__(self, client: Any, threads: Executor, settings: SesSettings) -> None:
        self._client = client
        self._threads = threads
        self._tag = {"Key": TAG, "Value": settings.installation}
        self._configuration_set = settings.configuration_set

    @property
    def tag(self) -> str:
        """Return the tag that marks this installation's identities, as `key=value`."""
        return f"{self._tag['Key']}={self._tag['Value']}"

    async def create(self, name: str) -> Seen | None:
        """Create an identity with our tag; return None if the name already has one. Raise Trouble."""
        answer = await self._call(
            "create_email_identity",
            "IdentityType",
            tolerated="AlreadyExistsException",
            EmailIdentity=name,
            Tags=[self._tag],
            DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
            ConfigurationSetName=self._configuration_set,
        )
        return self._seen(answer | {"Tags": [self._tag]}) if answer else None

    async def get(self, name: str) -> Seen | None:
        """Return an identity, or None if SES has none of this name. Raise Trouble."""
        answer = await self._call(
            "get_email_identity", "IdentityType", tolerated="NotFoundException", EmailIdentity=name
        )
        return self._seen(answer) if answer else None

    async def set_mail_from(self, name: str, mail_from_domain: str) -> None:
        """Set the MAIL FROM domain; SES uses its own while the MX record is missing. Raise Trouble."""
        await self._call(
            "put_email_identity_mail_from_attributes",
            None,
            EmailIdentity=name,
            MailFromDomain=mail_from_domain,
            BehaviorOnMxFailure="USE_DEFAULT_VALUE",
        )

    async def restart_dkim(self, name: str) -> Signing:
        """Restart DKIM verification at SES; return the tokens, which may be new. Raise Trouble."""
        answer = await self._call(
            "put_email_identity_dkim_signing_attributes",
            "DkimStatus",
            EmailIdentity=name,
            SigningAttributesOrigin="AWS_SES",
            SigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
        )
        return _signing({"Tokens": answer.get("DkimTokens", ())} | answer)

    async def delete(self, name: str) -> None:
        """Delete an identity; succeed if it does not exist. Raise Trouble."""
        await self._call("delete_email_identity", None, tolerated="NotFoundException", EmailIdentity=name)

    async def _call(
        self, operation: str, expected: str | None, *, tolerated: str = "", **arguments: Any
    ) -> dict[str, Any]:
        """Call SES once; return an empty response for the tolerated error. Raise Trouble.

        botocore parses a truncated response as an empty one, so a complete response must have `expected`.
        """
        method: Callable[..., dict[str, Any]] = getattr(self._client, operation)
        outcome = "unanswered"
        try:
            answer = await self._threads.run(method, **arguments)
            outcome = "done" if expected is None or expected in answer else "incomplete_response"
        except ClientError as error:
            outcome = _code(error)
            if outcome == tolerated:
                return {}
            raise self._refused(error) from error
        except ParamValidationError:
            raise
        except BotoCoreError as error:
            raise self._unanswered(error) from error
        finally:
            CALLS.labels(operation, outcome).inc()
        if outcome != "done":
            raise SesError(f"SES in {self._region} returned an incomplete response.", lasting=False)
        return answer

    @property
    def _region(self) -> str:
        region: str = self._client.meta.region_name
        return region

    def _seen(self, answer: Mapping[str, Any]) -> Seen:
        dkim = answer.get("DkimAttributes", {})
        mail_from = answer.get("MailFromAttributes", {})
        return Seen(
            ours=self._tag in answer.get("Tags", ()),
            signing=_signing(dkim),
            easy_dkim=dkim.get("SigningAttributesOrigin", "AWS_SES") != "EXTERNAL",
            dkim_status=dkim.get("Status", ""),
            verification_status=answer.get("VerificationStatus", ""),
            mail_from_domain=mail_from.get("MailFromDomain", ""),
            mail_from_status=mail_from.get("MailFromDomainStatus", ""),
            falls_back=mail_from.get("BehaviorOnMxFailure") == "USE_DEFAULT_VALUE",
        )

    def _refused(self, error: ClientError) -> SesError:
        code, message = _code(error), error.response.get("Error", {}).get("Message", "")[:200]
        if code in _THROTTLES:
            return SesError("SES throttled the request.", lasting=False)
        if sentence := _LASTING.get(code):
            values = {"region": self._region, "set": self._configuration_set, "message": message}
            return SesError(sentence.format(**values), lasting=True)
        return SesError(f"SES in {self._region} returned an error ({code}).", lasting=False)

    def _unanswered(self, error: BotoCoreError) -> SesError:
        if isinstance(error, _NO_CREDENTIALS):
            return SesError("Letterhead has no AWS credentials. An operator must add them.", lasting=True)
        return SesError(f"SES in {self._region} did not respond.", lasting=False)


@asynccontextmanager
async def open_ses(aws: config.Aws, settings: SesSettings) -> AsyncIterator[Ses]:
    """Open the client; boto3's credential chain resolves credentials on the first call."""
    async with Executor("ses", THREADS) as threads:
        client = await threads.run(_client, aws)
        try:
            yield Ses(client, threads, settings)
        finally:
            client.close()


def _client(aws: config.Aws) -> Any:
    session = boto3.session.Session(region_name=aws.aws_region)
    bounds = BotoConfig(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"total_max_attempts": 1},
        max_pool_connections=THREADS,
    )
    return session.client("sesv2", endpoint_url=aws.aws_endpoint_url, config=bounds)


def _code(error: ClientError) -> str:
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def _signing(attributes: Mapping[str, Any]) -> Signing:
    return Signing(tuple(attributes.get("Tokens", ())), attributes.get("SigningHostedZone", ""))
