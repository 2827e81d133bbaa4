"""The identities of the pretend SES: what is known of each, and which one an address is sent by."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.aws.axis import Axis, Status
from sandbox.aws.keys import dkim_record
from sandbox.dns import Internet, Soa

HOSTED_ZONE = "dkim.amazonses.com"
_TOKEN_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # noqa: S105 - an alphabet, no token
_TOKEN_LENGTH = 32


def new_tokens() -> list[str]:
    """Three Easy DKIM tokens."""
    return ["".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(_TOKEN_LENGTH)) for _ in range(3)]


@dataclass(slots=True)
class Identity:
    """One domain or address. `verification` and `sendable` are set only when a test forces them."""

    name: str
    created_at: datetime
    dkim: Axis
    tokens: list[str] = field(default_factory=list)
    hosted_zone: str = HOSTED_ZONE
    key_length: str = "RSA_2048_BIT"
    keys: list[rsa.RSAPrivateKey] = field(default_factory=list)
    signing_enabled: bool = True
    mail_from: str | None = None
    mail_from_axis: Axis | None = None
    reject_on_mx_failure: bool = False
    configuration_set: str | None = None
    feedback_forwarding: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    soa: Soa | None = None
    looked_at_version: int = -1
    verification: Status | None = None
    sendable: bool | None = None

    @property
    def is_domain(self) -> bool:
        """Whether it is a domain, not an address."""
        return "@" not in self.name

    @property
    def verified_itself(self) -> bool:
        """Whether its own records let it send; SES goes on sending for the 72 h of a temporary failure."""
        return self.dkim.status in (Status.SUCCESS, Status.TEMPORARY_FAILURE)

    @property
    def signs(self) -> bool:
        """Whether SES signs as this domain."""
        return self.signing_enabled and self.dkim.status is Status.SUCCESS and bool(self.keys)

    @property
    def mail_from_works(self) -> bool:
        """Whether SES uses the identity's own MAIL FROM domain, not its fallback."""
        return self.mail_from_axis is not None and self.mail_from_axis.status is Status.SUCCESS


class Registry:
    """All identities by name, and the DNS that SES itself publishes for them."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        self._identities: dict[str, Identity] = {}
        self._own_changes = 0
        self.kept_tokens: dict[str, list[str]] = {}

    def __iter__(self) -> Iterator[Identity]:
        return iter(list(self._identities.values()))

    def __len__(self) -> int:
        return len(self._identities)

    @property
    def customers_version(self) -> int:
        """The DNS's version without our own publishing, which turns no customer's record right or wrong."""
        return self._internet.version - self._own_changes

    def find(self, name: str) -> Identity | None:
        """The identity of exactly this name."""
        return self._identities.get(name.lower().removesuffix("."))

    def tokens_of(self, name: str) -> list[str]:
        """The Easy DKIM tokens of a domain's new identity: those kept for its name, or new ones."""
        return list(self.kept_tokens.get(name) or new_tokens())

    def add(self, identity: Identity) -> None:
        """Puts an identity in force."""
        self._identities[identity.name] = identity

    def remove(self, identity: Identity) -> None:
        """Forgets an identity, and withdraws its keys."""
        del self._identities[identity.name]
        self.withdraw_keys(identity)

    def publish_keys(self, identity: Identity, keys: list[rsa.RSAPrivateKey]) -> None:
        """Publishes a key below each token; the first one signs."""
        identity.keys = keys
        for token, key in zip(identity.tokens, keys, strict=True):
            self.publish(f"{token}.{identity.hosted_zone}", "TXT", dkim_record(key))

    def move_keys(self, identity: Identity, hosted_zone: str) -> None:
        """Publishes the keys in another hosted zone; the CNAMEs have to point there from then on."""
        keys = identity.keys
        self.withdraw_keys(identity)
        identity.hosted_zone, identity.looked_at_version = hosted_zone, -1
        self.publish_keys(identity, keys)

    def withdraw_keys(self, identity: Identity) -> None:
        """Takes the keys' records out of SES's zone."""
        before = self._internet.version
        for token in identity.tokens if identity.keys else ():
            self._internet.withdraw(f"{token}.{identity.hosted_zone}", "TXT")
        self._own_changes += self._internet.version - before

    def publish(self, name: str, rdtype: str, value: str) -> None:
        """Publishes a record of SES's own."""
        before = self._internet.version
        self._internet.publish(name, rdtype, value)
        self._own_changes += self._internet.version - before

    def lineage(self, address: str) -> list[Identity]:
        """The identities that cover an address or domain: itself, its domain, then the domain's parents."""
        domain = address.rpartition("@")[2]
        labels = domain.split(".")
        names = [address, *(".".join(labels[start:]) for start in range(len(labels) - 1))]
        return [found for name in names if (found := self.find(name))]

    def sendable(self, identity: Identity) -> bool:
        """VerifiedForSendingStatus: by its own records, or because a parent domain is verified."""
        if identity.sendable is not None:
            return identity.sendable
        return any(
            above.verified_itself and above.sendable is not False for above in self.lineage(identity.name)
        )

    def verification(self, identity: Identity) -> Status:
        """VerificationStatus: that of DKIM, or SUCCESS for a parent's sake while DKIM is still PENDING."""
        if identity.verification is not None:
            return identity.verification
        parents = (above for above in self.lineage(identity.name) if above is not identity)
        if any(parent.dkim.status is Status.SUCCESS for parent in parents):
            return Status.SUCCESS
        return identity.dkim.status
