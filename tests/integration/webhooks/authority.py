"""A certificate authority for tests, which also issues invalid certificates."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

Key: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The properties of a certificate to issue; by default those of SNS's own."""

    names: tuple[str, ...] = ("sns.amazonaws.com",)
    common_name: str = "sns.amazonaws.com"
    begins: timedelta = -DAY
    ends: timedelta = DAY
    usage: ObjectIdentifier = SERVER
    is_authority: bool = False


@dataclass
class Authority:
    """Issues certificates under the issuer name `name`."""

    name: str
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def certificate(self) -> x509.Certificate:
        """Return the authority's own certificate, a root."""
        return self.issue(self.key, Wanted(names=(), common_name=self.name, is_authority=True))

    @property
    def pem(self) -> bytes:
        return pem_of(self.certificate)

    def issue(self, key: Key, wanted: Wanted | None = None) -> x509.Certificate:
        """Issue a certificate for a key."""
        wanted, now = wanted or Wanted(), datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(wanted.common_name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + wanted.begins)
            .not_valid_after(now + wanted.ends)
            .add_extension(x509.BasicConstraints(ca=wanted.is_authority, path_length=None), critical=True)
            .add_extension(_usage(signs=wanted.is_authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_issued_by(self.key), critical=False)
        )
        if wanted.names:
            names = x509.SubjectAlternativeName([x509.DNSName(name) for name in wanted.names])
            builder = builder.add_extension(names, critical=False)
        if not wanted.is_authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([wanted.usage]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem_of(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _issued_by(key: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
