"""identity's operations of SES v2, each one request. The worker decides when to call and when to retry."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chassis.aws import (
    AwsClient,
    AwsCredentialsMissing,
    AwsError,
    AwsIncomplete,
    AwsRefused,
    Timeouts,
)
from services.identity.config import SesSettings
from services.identity.model.provisioning import Seen, Signing

THREADS = 2
# Together shorter than a lease.
TIMEOUTS = Timeouts(connect=timedelta(seconds=2), read=timedelta(seconds=6))
TAG = "letterhead"

_CREDENTIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature"}
    | {"InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "NotAuthorized"}
    | {"OptInRequired", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
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


class Ses:
    """The SES identities of one account and region that have this installation's tag."""

    def __init__(self, client: AwsClient, settings: SesSettings) -> None:
        self._client = client
        self._tag = {"Key": TAG, "Value": settings.installation}
        self._configuration_set = settings.configuration_set

    @property
    def tag(self) -> str:
        """Return the tag that marks this installation's identities, as `key=value`."""
        return f"{self._tag['Key']}={self._tag['Value']}"

    async def create(self, name: str) -> Seen | None:
        """Create an identity with our tag; return None if the name already has one. Raise SesError."""
        answer = await self._call(
            "create_email_identity",
            expects="IdentityType",
            tolerated="AlreadyExistsException",
            EmailIdentity=name,
            Tags=[self._tag],
            DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
            ConfigurationSetName=self._configuration_set,
        )
        return self._seen({**answer, "Tags": [self._tag]}) if answer else None

    async def get(self, name: str) -> Seen | None:
        """Return an identity, or None if SES has none of this name. Raise SesError."""
        answer = await self._call(
            "get_email_identity", expects="IdentityType", tolerated="NotFoundException", EmailIdentity=name
        )
        return self._seen(answer) if answer else None

    async def set_mail_from(self, name: str, mail_from_domain: str) -> None:
        """Set the MAIL FROM domain; SES uses its own while the MX record is missing. Raise SesError."""
        await self._call(
            "put_email_identity_mail_from_attributes",
            EmailIdentity=name,
            MailFromDomain=mail_from_domain,
            BehaviorOnMxFailure="USE_DEFAULT_VALUE",
        )

    async def restart_dkim(self, name: str) -> Signing:
        """Restart DKIM verification at SES; return the tokens, which may be new. Raise SesError."""
        answer = await self._call(
            "put_email_identity_dkim_signing_attributes",
            expects="DkimStatus",
            EmailIdentity=name,
            SigningAttributesOrigin="AWS_SES",
            SigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
        )
        return _signing({"Tokens": answer.get("DkimTokens", ()), **answer})

    async def delete(self, name: str) -> None:
        """Delete an identity; succeed if it does not exist. Raise SesError."""
        await self._call("delete_email_identity", tolerated="NotFoundException", EmailIdentity=name)

    async def _call(
        self, operation: str, *, expects: str | None = None, tolerated: str | None = None, **arguments: Any
    ) -> Mapping[str, Any]:
        """Call SES once; return an empty response for the tolerated error. Raise SesError."""
        try:
            return await self._client.call(operation, expects=expects, **arguments)
        except AwsRefused as error:
            if error.code == tolerated:
                return {}
            raise self._refused(error) from error
        except AwsError as error:
            raise self._failed(error) from error

    def _refused(self, error: AwsRefused) -> SesError:
        if error.is_throttle:
            return SesError("SES throttled the request.", lasting=False)
        if sentence := _LASTING.get(error.code):
            values = {"region": self._client.region, "set": self._configuration_set, "message": error.message}
            return SesError(sentence.format(**values), lasting=True)
        return SesError(f"SES in {self._client.region} returned an error ({error.code}).", lasting=False)

    def _failed(self, error: AwsError) -> SesError:
        if isinstance(error, AwsCredentialsMissing):
            return SesError("Letterhead has no AWS credentials. An operator must add them.", lasting=True)
        problem = "returned an incomplete response" if isinstance(error, AwsIncomplete) else "did not respond"
        return SesError(f"SES in {self._client.region} {problem}.", lasting=False)

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


def _signing(attributes: Mapping[str, Any]) -> Signing:
    return Signing(tuple(attributes.get("Tokens", ())), attributes.get("SigningHostedZone", ""))
