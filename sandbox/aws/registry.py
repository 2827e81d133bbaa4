"""The identities of the simulated SES, and which of them cover an address."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.aws.condition import Condition, Status
from sandbox.aws.keys import dkim_record
from sandbox.dns import Internet, Soa

HOSTED_ZONE = "dkim.amazonses.com"
_TOKEN_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # noqa: S105 - an alphabet, not a token
_TOKEN_LENGTH = 32


def new_tokens() -> list[str]:
    """Return three new Easy DKIM tokens."""
    return ["".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(_TOKEN_LENGTH)) for _ in range(3)]


@dataclass(slots=True)
class Identity:
    """One domain or address. `verification` and `sendable` are set only when a test forces them."""

    name: str
    created_at: datetime
    dkim: Condition
    tokens: list[str] = field(default_factory=list)
    hosted_zone: str = HOSTED_ZONE
    key_length: str = "RSA_2048_BIT"
    keys: list[rsa.RSAPrivateKey] = field(default_factory=list)
    signing_enabled: bool = True
    mail_from: str | None = None
    mail_from_condition: Condition | None = None
    reject_on_mx_failure: bool = False
    configuration_set: str | None = None
    feedback_forwarding: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    soa: Soa | None = None
    checked_version: int = -1
    verification: Status | None = None
    sendable: bool | None = None

    @property
    def is_domain(self) -> bool:
        """Return whether the identity is a domain, not an address."""
        return "@" not in self.name

    @property
    def verified_itself(self) -> bool:
        """Return whether its own records allow sending; SES still sends during a temporary failure's 72 h."""
        return self.dkim.status in (Status.SUCCESS, Status.TEMPORARY_FAILURE)

    @property
    def signs(self) -> bool:
        """Return whether SES signs as this domain."""
        return self.signing_enabled and self.dkim.status is Status.SUCCESS and bool(self.keys)

    @property
    def mail_from_works(self) -> bool:
        """Return whether SES uses the identity's own MAIL FROM domain, not the default."""
        return self.mail_from_condition is not None and self.mail_from_condition.status is Status.SUCCESS


class Registry:
    """All identities by name, and the DNS records that SES itself publishes for them."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet
        self._identities: dict[str, Identity] = {}
        self._own_changes = 0
        self.reserved_tokens: dict[str, list[str]] = {}

    def __iter__(self) -> Iterator[Identity]:
        return iter(list(self._identities.values()))

    def __len__(self) -> int:
        return len(self._identities)

    @property
    def customers_version(self) -> int:
        """Return the DNS version without SES's own records, which do not change any customer's record."""
        return self._internet.version - self._own_changes

    def find(self, name: str) -> Identity | None:
        """Return the identity of exactly this name, or None."""
        return self._identities.get(name.lower().removesuffix("."))

    def tokens_of(self, name: str) -> list[str]:
        """Return the Easy DKIM tokens for a domain's new identity: those reserved for it, or new ones."""
        return list(self.reserved_tokens.get(name) or new_tokens())

    def add(self, identity: Identity) -> None:
        """Add an identity."""
        self._identities[identity.name] = identity

    def remove(self, identity: Identity) -> None:
        """Remove an identity and its published keys."""
        del self._identities[identity.name]
        self.withdraw_keys(identity)

    def publish_keys(self, identity: Identity, keys: list[rsa.RSAPrivateKey]) -> None:
        """Publish a key below each token; the first one signs."""
        identity.keys = keys
        for token, key in zip(identity.tokens, keys, strict=True):
            self.publish(f"{token}.{identity.hosted_zone}", "TXT", dkim_record(key))

    def move_keys(self, identity: Identity, hosted_zone: str) -> None:
        """Move the published keys to another hosted zone, where the CNAMEs then have to point."""
        keys = identity.keys
        self.withdraw_keys(identity)
        identity.hosted_zone, identity.checked_version = hosted_zone, -1
        self.publish_keys(identity, keys)

    def withdraw_keys(self, identity: Identity) -> None:
        """Remove the keys' records from SES's zone."""
        before = self._internet.version
        for token in identity.tokens if identity.keys else ():
            self._internet.withdraw(f"{token}.{identity.hosted_zone}", "TXT")
        self._own_changes += self._internet.version - before

    def publish(self, name: str, rdtype: str, value: str) -> None:
        """Publish a record in SES's own zones."""
        before = self._internet.version
        self._internet.publish(name, rdtype, value)
        self._own_changes += self._internet.version - before

    def lineage(self, address: str) -> list[Identity]:
        """Return the identities that cover an address or domain: itself, its domain, the domain's parents."""
        domain = address.rpartition("@")[2]
        labels = domain.split(".")
        names = [address, *(".".join(labels[start:]) for start in range(len(labels) - 1))]
        return [found for name in names if (found := self.find(name))]

    def sendable(self, identity: Identity) -> bool:
        """Return VerifiedForSendingStatus: by its own records, or because a parent domain is verified."""
        if identity.sendable is not None:
            return identity.sendable
        return any(
            above.verified_itself and above.sendable is not False for above in self.lineage(identity.name)
        )

    def verification(self, identity: Identity) -> Status:
        """Return VerificationStatus: SUCCESS if a parent domain is verified, else the status of DKIM."""
        if identity.verification is not None:
            return identity.verification
        parents = (above for above in self.lineage(identity.name) if above is not identity)
        if any(parent.dkim.status is Status.SUCCESS for parent in parents):
            return Status.SUCCESS
        return identity.dkim.status
