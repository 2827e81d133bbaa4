"""SES's operations on identities."""

import re
from typing import Any

from sandbox.aws.condition import Condition, Status
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.errors import AwsError, bad_request, not_found
from sandbox.aws.keys import KeyPool
from sandbox.aws.pages import page
from sandbox.aws.registry import Identity, Registry, new_tokens
from sandbox.aws.service import Call, Params
from sandbox.clock import Clock

IDENTITY_LIMIT = 10_000  # identities per region, not adjustable
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
_ADDRESS = re.compile(r"[^\s@]{1,64}@(?P<domain>[^\s@]+)")


class Identities:
    """The handlers of the EmailIdentity operations."""

    def __init__(
        self, registry: Registry, keys: KeyPool, configuration_sets: ConfigurationSets, clock: Clock
    ) -> None:
        self._registry = registry
        self._keys = keys
        self._configuration_sets = configuration_sets
        self._clock = clock

    async def create_email_identity(self, call: Call) -> Params:
        name = _valid_name(call["EmailIdentity"])
        if self._registry.find(name):
            raise AwsError("AlreadyExistsException", f"Email identity {name} already exist.")
        if len(self._registry) >= IDENTITY_LIMIT:
            raise AwsError(
                "LimitExceededException",
                "You have reached the maximum number of identities for this account.",
            )
        configuration_set = call.get("ConfigurationSetName")
        if configuration_set:
            self._configuration_sets.get(configuration_set)
        identity = self.make(name, tags={tag["Key"]: tag["Value"] for tag in call.get("Tags", [])})
        identity.configuration_set = configuration_set
        if identity.is_domain:
            _set_key_length(identity, call.get("DkimSigningAttributes", {}))
            self._registry.publish_keys(identity, [await self._keys.take(), *self._keys.standby])
        return {
            "IdentityType": _type(identity),
            "VerifiedForSendingStatus": self._registry.sendable(identity),
            "DkimAttributes": _dkim(identity),
        }

    async def get_email_identity(self, call: Call) -> Params:
        identity = self._identity(call)
        answer: Params = {
            "IdentityType": _type(identity),
            "FeedbackForwardingStatus": identity.feedback_forwarding,
            "VerifiedForSendingStatus": self._registry.sendable(identity),
            "DkimAttributes": _dkim(identity),
            "Policies": {},
            "Tags": [{"Key": key, "Value": value} for key, value in identity.tags.items()],
            "VerificationStatus": str(self._registry.verification(identity)),
            "VerificationInfo": _verification_info(identity),
        }
        if identity.configuration_set:
            answer["ConfigurationSetName"] = identity.configuration_set
        return answer | _mail_from(identity)

    async def list_email_identities(self, call: Call) -> Params:
        rows = sorted(self._registry, key=lambda identity: identity.name)
        chosen, next_token = page(rows, call.get("PageSize"), call.get("NextToken"))
        infos = [
            {
                "IdentityType": _type(identity),
                "IdentityName": identity.name,
                "SendingEnabled": self._registry.sendable(identity),
                "VerificationStatus": str(self._registry.verification(identity)),
            }
            for identity in chosen
        ]
        return {"EmailIdentities": infos} | next_token

    async def delete_email_identity(self, call: Call) -> Params:
        self._registry.remove(self._identity(call))
        return {}

    async def put_email_identity_mail_from_attributes(self, call: Call) -> Params:
        identity = self._identity(call)
        domain = call.get("MailFromDomain", "").lower().removesuffix(".")
        identity.reject_on_mx_failure = call.get("BehaviorOnMxFailure") == "REJECT_MESSAGE"
        if not domain:
            identity.mail_from, identity.mail_from_condition = None, None
            return {}
        if not domain.endswith("." + identity.name.rpartition("@")[2]) or not _DOMAIN.fullmatch(domain):
            raise bad_request(
                f"Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity "
                f"<{identity.name}>."
            )
        condition = identity.mail_from_condition
        if domain != identity.mail_from or condition is None or condition.status is not Status.SUCCESS:
            identity.mail_from = domain
            identity.mail_from_condition = Condition(Status.PENDING, self._clock.now())
        return {}

    async def put_email_identity_dkim_attributes(self, call: Call) -> Params:
        self._identity(call).signing_enabled = call.get("SigningEnabled", False)
        return {}

    async def put_email_identity_dkim_signing_attributes(self, call: Call) -> Params:
        """Restart Easy DKIM. The tokens stay unless the key length changes, which needs new keys."""
        identity = self._identity(call)
        if call["SigningAttributesOrigin"] != "AWS_SES" or not identity.is_domain:
            raise bad_request("The sandbox's SES signs domains by Easy DKIM (AWS_SES) only.")
        if _set_key_length(identity, call.get("SigningAttributes", {})):
            self._registry.withdraw_keys(identity)
            identity.tokens = new_tokens()
            self._registry.publish_keys(identity, [await self._keys.take(), *self._keys.standby])
            identity.dkim.restart(self._clock.now())
        elif identity.dkim.status is not Status.SUCCESS:
            identity.dkim.restart(self._clock.now())
        return {
            "DkimStatus": str(identity.dkim.status),
            "DkimTokens": identity.tokens,
            "SigningHostedZone": identity.hosted_zone,
        }

    async def put_email_identity_configuration_set_attributes(self, call: Call) -> Params:
        identity, name = self._identity(call), call.get("ConfigurationSetName")
        if name:
            self._configuration_sets.get(name)
        identity.configuration_set = name
        return {}

    async def put_email_identity_feedback_attributes(self, call: Call) -> Params:
        self._identity(call).feedback_forwarding = call.get("EmailForwardingEnabled", False)
        return {}

    def make(self, name: str, *, tags: dict[str, str]) -> Identity:
        """Add a new identity without keys; an address has no DKIM and stays PENDING."""
        now, is_domain = self._clock.now(), "@" not in name
        condition = Condition(Status.PENDING if is_domain else Status.NOT_STARTED, now)
        identity = Identity(name, now, condition, tags=tags, signing_enabled=is_domain)
        if is_domain:
            identity.tokens = self._registry.tokens_of(name)
        else:
            identity.verification, identity.sendable = Status.PENDING, None
        self._registry.add(identity)
        return identity

    def seed(self, text: str, *, tags: dict[str, str], verified: bool) -> Identity:
        """Create an identity with MAIL FROM at `send.`, without rate limits; `verified` forces its status."""
        name, now = _valid_name(text), self._clock.now()
        identity = self._registry.find(name) or self.make(name, tags=tags)
        if identity.is_domain:
            self._registry.publish_keys(identity, [self._keys.seeded, *self._keys.standby])
            identity.mail_from, identity.mail_from_condition = f"send.{name}", Condition(Status.PENDING, now)
        if verified:
            identity.verification, identity.sendable = Status.SUCCESS, True
        for condition in (identity.dkim, identity.mail_from_condition):
            if verified and identity.is_domain and condition:
                condition.force(Status.SUCCESS, now)
        return identity

    def _identity(self, call: Call) -> Identity:
        identity = self._registry.find(call["EmailIdentity"])
        if identity is None:
            raise not_found("Email identity", call["EmailIdentity"])
        return identity


def _valid_name(text: str) -> str:
    name = text.lower().removesuffix(".")
    address = _ADDRESS.fullmatch(name)
    if not _DOMAIN.fullmatch(address["domain"] if address else name):
        raise bad_request(
            f"Invalid domain name {text}." if "@" not in text else f"Invalid email address {text}."
        )
    return name


def _set_key_length(identity: Identity, attributes: dict[str, Any]) -> bool:
    """Set the requested key length; return whether it changed."""
    if (
        attributes.get("DomainSigningAttributesOrigin", "AWS_SES") != "AWS_SES"
        or "DomainSigningSelector" in attributes
    ):
        raise bad_request("The sandbox's SES signs domains by Easy DKIM (AWS_SES) only.")
    before = identity.key_length
    identity.key_length = attributes.get("NextSigningKeyLength", before)
    return identity.key_length != before


def _type(identity: Identity) -> str:
    return "DOMAIN" if identity.is_domain else "EMAIL_ADDRESS"


def _dkim(identity: Identity) -> Params:
    answer: Params = {"SigningEnabled": identity.signing_enabled, "Status": str(identity.dkim.status)}
    if identity.is_domain:
        answer |= {
            "Tokens": identity.tokens,
            "SigningHostedZone": identity.hosted_zone,
            "SigningAttributesOrigin": "AWS_SES",
            "NextSigningKeyLength": identity.key_length,
            "CurrentSigningKeyLength": identity.key_length,
            "LastKeyGenerationTimestamp": identity.created_at,
        }
    return answer


def _mail_from(identity: Identity) -> Params:
    if identity.mail_from is None or identity.mail_from_condition is None:
        return {}
    return {
        "MailFromAttributes": {
            "MailFromDomain": identity.mail_from,
            "MailFromDomainStatus": str(identity.mail_from_condition.status),
            "BehaviorOnMxFailure": "REJECT_MESSAGE" if identity.reject_on_mx_failure else "USE_DEFAULT_VALUE",
        }
    }


def _verification_info(identity: Identity) -> Params:
    info: Params = {
        "LastCheckedTimestamp": identity.dkim.last_checked_at,
        "LastSuccessTimestamp": identity.dkim.last_success_at,
        "ErrorType": identity.dkim.error,
    }
    if identity.soa:
        info["SOARecord"] = {
            "PrimaryNameServer": identity.soa.primary_name_server,
            "AdminEmail": identity.soa.admin_email,
            "SerialNumber": identity.soa.serial,
        }
    return {name: value for name, value in info.items() if value is not None}
