"""identity's operations of SES v2, each one request. The worker decides when to call and when to retry."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Unpack

from chassis.aws import (
    AwsClient,
    AwsCredentialsMissing,
    AwsError,
    AwsIncomplete,
    AwsRefused,
    Timeouts,
)
from services.identity.config import SesSettings
from services.identity.model.messages import explain
from services.identity.model.provisioning import Seen, Signing
from services.identity.model.reasons import DomainParameters, DomainReason

THREADS = 2
# Together shorter than a lease.
TIMEOUTS = Timeouts(connect=timedelta(seconds=2), read=timedelta(seconds=6))
TAG = "letterhead"

_CREDENTIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature"}
    | {"InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "NotAuthorized"}
    | {"OptInRequired", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
# Errors that an operator must fix.
_LASTING = {
    **dict.fromkeys(_CREDENTIALS, DomainReason.SES_CREDENTIALS_REJECTED),
    "AccountSuspendedException": DomainReason.SES_ACCOUNT_SUSPENDED,
    "BadRequestException": DomainReason.SES_REQUEST_REJECTED,
    "LimitExceededException": DomainReason.SES_IDENTITY_LIMIT_REACHED,
    "NotFoundException": DomainReason.SES_CONFIGURATION_SET_MISSING,
}


class SesError(Exception):
    """A failed SES call with its reason; an operator must fix a `lasting` one, which is retried slowly."""

    def __init__(
        self, reason: DomainReason, *, lasting: bool, **parameters: Unpack[DomainParameters]
    ) -> None:
        super().__init__(explain(reason, **parameters).message)
        self.reason = reason
        self.parameters = parameters
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
            return SesError(DomainReason.SES_THROTTLED, lasting=False)
        reason = _LASTING.get(error.code)
        return SesError(
            reason or DomainReason.SES_ERROR,
            lasting=reason is not None,
            ses_code=error.code,
            ses_message=error.message,
            region=self._client.region,
            configuration_set=self._configuration_set,
        )

    def _failed(self, error: AwsError) -> SesError:
        if isinstance(error, AwsCredentialsMissing):
            return SesError(DomainReason.SES_CREDENTIALS_MISSING, lasting=True)
        incomplete = isinstance(error, AwsIncomplete)
        reason = DomainReason.SES_RESPONSE_INCOMPLETE if incomplete else DomainReason.SES_UNREACHABLE
        return SesError(reason, lasting=False, region=self._client.region)

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
