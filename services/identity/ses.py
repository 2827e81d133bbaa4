"""identity's hand on SES v2: the six control operations that it may use, in a few threads, each tried once.

The only file here that knows boto3. When and how often to call is the worker's to decide.
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
# Seconds. Together shorter than a lease. The worker, which knows the shared rate, tries again; not botocore.
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
# Errors that need a person, as people are told of them.
_LASTING = {
    **dict.fromkeys(
        _CREDENTIALS, "AWS does not accept Letterhead's credentials ({said}); an operator has to act."
    ),
    "AccountSuspendedException": "AWS has suspended the account at SES ({said}); an operator has to act.",
    "BadRequestException": "SES refuses the request ({said}).",
    "LimitExceededException": "The account has no room for another identity in {region} ({said}).",
    "NotFoundException": "SES misses something ({said}); is there a configuration set {set!r}?",
}


class Trouble(Exception):
    """SES did not do it, said in a sentence; what is `lasting` needs a person, and is tried again slowly."""

    def __init__(self, sentence: str, *, lasting: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.lasting = lasting


@dataclass(frozen=True, kw_only=True)
class SesSettings:
    """How this installation marks what is its own at SES."""

    installation: str = config.setting("letterhead", help="value of the tag that marks identities as ours")
    configuration_set: str = config.setting(
        "letterhead", help="SES configuration set that identities send by"
    )


class Ses:
    """SES in one account and region, as one installation's tag marks it."""

    def __init__(self, client: Any, threads: Executor, settings: SesSettings) -> None:
        self._client = client
        self._threads = threads
        self._tag = {"Key": TAG, "Value": settings.installation}
        self._configuration_set = settings.configuration_set

    @property
    def tag(self) -> str:
        """The tag that makes an identity ours, as people write it."""
        return f"{self._tag['Key']}={self._tag['Value']}"

    async def create(self, name: str) -> Seen | None:
        """Makes an identity of ours; None when there is one of the name already. Raises Trouble."""
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
        """Shows an identity; None when there is none. Raises Trouble."""
        answer = await self._call(
            "get_email_identity", "IdentityType", tolerated="NotFoundException", EmailIdentity=name
        )
        return self._seen(answer) if answer else None

    async def set_mail_from(self, name: str, mail_from_domain: str) -> None:
        """Sets the return path; while it has no MX, mail leaves by SES's own. Raises Trouble."""
        await self._call(
            "put_email_identity_mail_from_attributes",
            None,
            EmailIdentity=name,
            MailFromDomain=mail_from_domain,
            BehaviorOnMxFailure="USE_DEFAULT_VALUE",
        )

    async def restart_dkim(self, name: str) -> Signing:
        """Has SES look for the DKIM records anew, which may be others than before. Raises Trouble."""
        answer = await self._call(
            "put_email_identity_dkim_signing_attributes",
            "DkimStatus",
            EmailIdentity=name,
            SigningAttributesOrigin="AWS_SES",
            SigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
        )
        return _signing({"Tokens": answer.get("DkimTokens", ())} | answer)

    async def delete(self, name: str) -> None:
        """Deletes an identity; one that is gone already is deleted. Raises Trouble."""
        await self._call("delete_email_identity", None, tolerated="NotFoundException", EmailIdentity=name)

    async def _call(
        self, operation: str, expected: str | None, *, tolerated: str = "", **arguments: Any
    ) -> dict[str, Any]:
        """Asks SES once; an empty answer stands for the tolerated error. Raises Trouble.

        botocore makes an empty answer of one that was cut off: one member is `expected`, where there are any.
        """
        method: Callable[..., dict[str, Any]] = getattr(self._client, operation)
        outcome = "unanswered"
        try:
            answer = await self._threads.run(method, **arguments)
            outcome = "done" if expected is None or expected in answer else "half_an_answer"
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
            raise Trouble(f"SES in {self._region} gave half an answer.", lasting=False)
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

    def _refused(self, error: ClientError) -> Trouble:
        code, said = _code(error), error.response.get("Error", {}).get("Message", "")[:200]
        if code in _THROTTLES:
            return Trouble("SES asks for fewer requests.", lasting=False)
        if sentence := _LASTING.get(code):
            known = {"region": self._region, "set": self._configuration_set, "said": said}
            return Trouble(sentence.format(**known), lasting=True)
        return Trouble(f"SES in {self._region} answered with an error ({code}).", lasting=False)

    def _unanswered(self, error: BotoCoreError) -> Trouble:
        if isinstance(error, _NO_CREDENTIALS):
            return Trouble("Letterhead has no AWS credentials; an operator has to act.", lasting=True)
        return Trouble(f"SES in {self._region} does not answer.", lasting=False)


@asynccontextmanager
async def open_ses(aws: config.Aws, settings: SesSettings) -> AsyncIterator[Ses]:
    """Makes the client; credentials are found by boto3's own chain, when the first call needs them."""
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
