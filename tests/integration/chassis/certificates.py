"""Certificates for tests: a CA, and certificates that it signs for 127.0.0.1."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS = timedelta(days=1)
BOTH_ENDS = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


@dataclass(frozen=True)
class Identity:
    """Paths of one process's TLS files, with the file names of cert-manager."""

    certificate: Path
    key: Path
    ca: Path


class Authority:
    """A CA that issues certificates for tests."""

    def __init__(self, name: str = "test CA", *, lasts: timedelta = LASTS) -> None:
        self._lasts = lasts
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        built = _builder(self._name, self._name, self._key.public_key(), lasts)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._certificate = built.sign(self._key, hashes.SHA256())

    def issue(self, directory: Path, host: str = "localhost") -> Identity:
        """Write a certificate, its key and the CA, replacing existing files like a Secret update.

        It is valid for 127.0.0.1, and for another `host` only for that.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        here = [x509.IPAddress(ip_address("127.0.0.1"))] if host == "localhost" else []
        addresses = x509.SubjectAlternativeName([*here, x509.DNSName(host)])
        built = _builder(_named("127.0.0.1"), self._name, key.public_key(), self._lasts)
        built = built.add_extension(addresses, critical=False)
        built = built.add_extension(x509.ExtendedKeyUsage(BOTH_ENDS), critical=False)
        directory.mkdir(exist_ok=True)
        files = Identity(directory / "tls.crt", directory / "tls.key", directory / "ca.crt")
        _replace(files.certificate, _pem(built.sign(self._key, hashes.SHA256())))
        _replace(files.key, _private(key))
        _replace(files.ca, _pem(self._certificate))
        return files


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer, subject, key, x509.random_serial_number(), now - LASTS, now + lasts
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _replace(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)
