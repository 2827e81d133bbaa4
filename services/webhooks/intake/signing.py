"""Verifies SNS's signing certificates and the signatures made with them.

The current time is an argument. Fetching certificates is in `intake.certificates`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from services.webhooks.model.rejections import Forged, Unproven
from services.webhooks.model.sns import Message

MIN_KEY = 2_048  # bits
HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - version 1 is SHA-1


@dataclass(frozen=True, slots=True)
class Trust:
    """The trusted roots, and the intermediates that SNS does not serve."""

    roots: Store
    intermediates: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key of SNS, and the validity of its certificate."""

    key: rsa.RSAPublicKey
    valid_from: datetime
    valid_until: datetime

    def valid(self, now: datetime) -> bool:
        """Return whether the certificate is valid at the given time."""
        return self.valid_from <= now <= self.valid_until


def signer(pem: bytes, trust: Trust, names: Sequence[str], now: datetime) -> Signer:
    """Return the key of the first certificate in a PEM file; the others may be intermediates.

    Raise Unproven unless the chain is valid at `now` and the certificate has one of the names.
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
    """Raise Forged unless the signer's key signed the message."""
    try:
        signer.key.verify(message.signature, message.signed, padding.PKCS1v15(), HASHES[message.version])
    except InvalidSignature:
        raise Forged("signature") from None


def _own_name(leaf: x509.Certificate, names: Sequence[str]) -> str:
    """Return the name of SNS that the certificate was issued for."""
    extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    present = extension.value.get_values_for_type(x509.DNSName)
    found = [name for name in names if name in present]
    if not found:
        raise ValueError("the certificate has none of SNS's names")
    return found[0]


def _check_chain(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], trust: Trust, name: str, now: datetime
) -> None:
    policy = PolicyBuilder().store(trust.roots).time(now)
    policy.build_server_verifier(x509.DNSName(name)).verify(leaf, list(others))
