"""SNS's signing certificates: whose they are, who vouches for them, and what they signed.

The time is an argument. Not for where a certificate comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from services.webhooks.model.sns import Forged, Message, Unproven

MIN_KEY = 2_048  # bits
HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - version 1 is SHA-1


@dataclass(frozen=True, slots=True)
class Trust:
    """The roots that are trusted, and the certificates between them and SNS's."""

    roots: Store
    intermediates: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that SNS signs with, and when it may."""

    key: rsa.RSAPublicKey
    valid_from: datetime
    valid_until: datetime

    def valid(self, now: datetime) -> bool:
        """Return whether the certificate is valid at that time."""
        return self.valid_from <= now <= self.valid_until


def signer(pem: bytes, trust: Trust, names: Sequence[str], now: datetime) -> Signer:
    """Return the key of the first certificate in a PEM file; the others may lead to a root.

    Raises Unproven unless the chain holds at this time and the certificate bears one of the names.
    """
    try:
        leaf, *others = x509.load_pem_x509_certificates(pem)
        _check_chain(leaf, [*others, *trust.intermediates], trust, _own_name(leaf, names), now)
        key = leaf.public_key()
    except (ValueError, VerificationError, x509.ExtensionNotFound, x509.UnsupportedGeneralNameType):
        raise Unproven("certificate_untrusted") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_KEY:
        raise Unproven("certificate_untrusted")
    return Signer(key, leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def check_signature(message: Message, signer: Signer) -> None:
    """Raise Forged unless this key signed the message."""
    try:
        signer.key.verify(message.signature, message.signed, padding.PKCS1v15(), HASHES[message.version])
    except InvalidSignature:
        raise Forged("signature") from None


def _own_name(leaf: x509.Certificate, names: Sequence[str]) -> str:
    """Return the name of SNS that the certificate bears."""
    extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    borne = extension.value.get_values_for_type(x509.DNSName)
    found = [name for name in names if name in borne]
    if not found:
        raise ValueError("the certificate is another's")
    return found[0]


def _check_chain(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], trust: Trust, name: str, now: datetime
) -> None:
    policy = PolicyBuilder().store(trust.roots).time(now)
    policy.build_server_verifier(x509.DNSName(name)).verify(leaf, list(others))
