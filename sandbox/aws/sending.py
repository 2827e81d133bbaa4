"""SendEmail: the checks that an email must pass, and the acceptance of one that passes."""

import re
from dataclasses import dataclass
from email.utils import getaddresses

from sandbox.aws import composing
from sandbox.aws.account import Account
from sandbox.aws.config import AwsConfig
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.delivery import Dispatch
from sandbox.aws.emails import Email, Headers, new_id
from sandbox.aws.errors import AwsError, Throttled, bad_request
from sandbox.aws.registry import Identity, Registry
from sandbox.aws.service import Call, Params
from sandbox.aws.simulator import is_simulator
from sandbox.clock import Clock

RECIPIENT_LIMIT = 50
SIZE_LIMIT = 40 * 1024 * 1024  # bytes
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# As SES, which takes adjacent dots only in quotes.
_ADDRESS = re.compile(rf'(?:{_ATOM}(?:\.{_ATOM})*|"[^"\\\r\n]+")@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+')
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True)
class Draft:
    """The parsed content of a SendEmail request."""

    headers: Headers
    body: bytes
    source: str
    recipients: list[str]
    tags: dict[str, str]
    client: str


class Sending:
    """The handler of SendEmail."""

    def __init__(
        self,
        config: AwsConfig,
        account: Account,
        registry: Registry,
        configuration_sets: ConfigurationSets,
        *,
        dispatch: Dispatch,
        clock: Clock,
    ) -> None:
        self._config = config
        self._account = account
        self._registry = registry
        self._configuration_sets = configuration_sets
        self._dispatch = dispatch
        self._clock = clock

    async def send_email(self, call: Call) -> Params:
        self._check_account()
        draft = _draft(call)
        lineage = self._check_identities(draft)
        configuration_set = call.get("ConfigurationSetName") or lineage[0].configuration_set
        self._check_configuration_set(configuration_set)
        mail_from = self._mail_from(lineage)
        self._check_rates(draft.recipients)
        email = self._email(draft, lineage[0], configuration_set, mail_from)
        self._dispatch.accept(email, _signer(lineage))
        return {"MessageId": email.message_id}

    def _check_account(self) -> None:
        if self._account.enforcement_status == "SHUTDOWN":
            raise AwsError(
                "AccountSuspendedException",
                "Your account's ability to send email has been permanently restricted.",
            )
        if not self._account.sending_enabled:
            raise AwsError(
                "SendingPausedException",
                "Sending paused for this account. For more information, please check the inbox of the email "
                "address associated with your AWS account.",
            )

    def _check_configuration_set(self, name: str | None) -> None:
        if name and not self._configuration_sets.get(name).sending_enabled:
            raise AwsError("SendingPausedException", f"Sending is paused for configuration set <{name}>.")

    def _check_identities(self, draft: Draft) -> list[Identity]:
        """Return the identities that cover From; refuse unverified addresses, in sandbox mode also To."""
        lineage = self._registry.lineage(draft.source)
        failed = [] if lineage and self._registry.sendable(lineage[0]) else [draft.source]
        if not self._account.production_access:
            failed += [
                address
                for address in draft.recipients
                if not self._verified(address) and not is_simulator(address)
            ]
        if failed:
            raise AwsError(
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in region "
                f"{self._config.region.upper()}: {', '.join(failed)}",
            )
        return lineage

    def _verified(self, address: str) -> bool:
        lineage = self._registry.lineage(address)
        return bool(lineage) and self._registry.sendable(lineage[0])

    def _mail_from(self, lineage: list[Identity]) -> str:
        """Return the envelope sender's domain: the identity's own if it is verified, else SES's default."""
        owner = next((identity for identity in lineage if identity.mail_from), None)
        if owner and owner.mail_from and owner.mail_from_works:
            return owner.mail_from
        if owner and owner.reject_on_mx_failure:
            raise AwsError(
                "MailFromDomainNotVerifiedException",
                f"The MAIL FROM domain {owner.mail_from} is not verified.",
            )
        region = self._config.region
        return "amazonses.com" if region == "us-east-1" else f"{region}.amazonses.com"

    def _check_rates(self, recipients: list[str]) -> None:
        counted = sum(1 for address in recipients if not is_simulator(address))
        most = self._account.max_24_hour_send
        if most >= 0 and self._account.quota.used() + counted > most:
            raise Throttled("Daily message quota exceeded.")
        if not self._account.send_bucket.take(len(recipients)):
            raise Throttled("Maximum sending rate exceeded.")
        self._account.quota.add(counted)

    def _email(
        self, draft: Draft, identity: Identity, configuration_set: str | None, mail_from: str
    ) -> Email:
        now = self._clock.now()
        message_id = new_id(now)
        headers = composing.rewrite(draft.headers, message_id=message_id, region=self._config.region, now=now)
        return Email(
            message_id=message_id,
            accepted_at=now,
            source=draft.source,
            identity=identity.name,
            recipients=draft.recipients,
            envelope_from=f"{message_id}@{mail_from}",
            configuration_set=configuration_set,
            source_ip=draft.client,
            tags=draft.tags,
            headers=headers,
            body=draft.body,
        )


def _draft(call: Call) -> Draft:
    content = call["Content"]
    if len([kind for kind in ("Simple", "Raw", "Template") if content.get(kind)]) != 1:
        raise bad_request("Content must hold exactly one of Simple, Raw and Template.")
    if "Template" in content or call.get("TenantName") or call.get("ListManagementOptions"):
        raise bad_request("The sandbox's SES has no templates, tenants or contact lists.")
    if "Simple" in content and not call.get("FromEmailAddress"):
        raise bad_request("FromEmailAddress is missing.")
    raw = content["Raw"]["Data"] if "Raw" in content else composing.compose(call.params)
    if len(raw) > SIZE_LIMIT:
        raise bad_request(f"Message length is more than {SIZE_LIMIT} bytes long: {len(raw)}.")
    headers, body = composing.split(raw)
    source = _source(call, headers)
    tags = {tag["Name"]: tag["Value"] for tag in call.get("EmailTags", [])}
    for text in (*tags, *tags.values()):
        if not _TAG.fullmatch(text):
            raise bad_request(
                f"Invalid tag name or value <{text}>: use A-Z, a-z, 0-9, _ and -, 256 characters at most."
            )
    return Draft(headers, body, source, _recipients(call, headers), tags, call.client)


def _source(call: Call, headers: Headers) -> str:
    """Return the single From address; raise Refusal if the From header and FromEmailAddress differ."""
    in_headers = _addresses([value for name, value in headers if name.lower() == "from"])
    wanted = _addresses([call["FromEmailAddress"]] if call.get("FromEmailAddress") else []) or in_headers
    if len(in_headers) != 1 or wanted != in_headers:
        raise bad_request(
            "The email needs a From header with exactly one address, the one in FromEmailAddress."
        )
    return in_headers[0]


def _recipients(call: Call, headers: Headers) -> list[str]:
    """Return the addresses in Destination, or those in the headers if a Raw email omits it."""
    destination = call.get("Destination", {})
    given = [address for kind in ("To", "Cc", "Bcc") for address in destination.get(f"{kind}Addresses", [])]
    addresses = _addresses(given or [value for name, value in headers if name.lower() in ("to", "cc", "bcc")])
    if not addresses:
        raise bad_request("The email has no recipient.")
    if len(addresses) > RECIPIENT_LIMIT:
        raise bad_request(f"Recipient count exceeds {RECIPIENT_LIMIT}.")
    return addresses


def _addresses(texts: list[str]) -> list[str]:
    found = (
        [address for _, address in getaddresses([text.replace("\r\n", "") for text in texts])]
        if texts
        else []
    )
    for address in found:
        if not _ADDRESS.fullmatch(address):
            raise bad_request(f"Missing final '@domain' or invalid address in <{', '.join(texts)[:200]}>.")
    return found


def _signer(lineage: list[Identity]) -> Identity | None:
    """Return the nearest domain that can sign; the verified parent signs for a PENDING child."""
    return next((identity for identity in lineage if identity.is_domain and identity.signs), None)
