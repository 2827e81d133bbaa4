"""The files that outlive the process: the test CA, SNS's certificates, and SES's own DKIM keys.

They are created once and kept in a directory, so that clients can trust one CA across restarts.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.aws.keys import make_key

DKIM_KEYS = ("amazonses", "seeded", "standby-1", "standby-2")  # keys.py and delivery.py explain their use
# The host name of customers' webhook endpoints, for those who publish it in the sandbox's DNS.
RECEIVER_HOST = "hooks.letterhead-mailbox.com"
LIFETIME = timedelta(days=3650)
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of the PEM files, SNS's signing key and certificate, and SES's DKIM keys by name."""

    ca: Path
    tls_cert: Path
    tls_key: Path
    signing_key: rsa.RSAPrivateKey
    signing_certificate: bytes
    dkim_keys: dict[str, rsa.RSAPrivateKey]

    @property
    def signing_path(self) -> str:
        """Return the path in the signing certificate's URL, in SNS's format."""
        digest = hashlib.md5(self.signing_certificate, usedforsecurity=False).hexdigest()
        return f"/SimpleNotificationService-{digest}.pem"


def open_certificates(directory: Path, regions: Sequence[str]) -> Certificates:
    """Read the certificates of these regions from the directory, creating them if they do not exist."""
    folder = directory / "certificates" / "+".join(regions)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make_at(folder, regions)
    return Certificates(
        ca=folder / "ca.pem",
        tls_cert=folder / "tls.pem",
        tls_key=folder / "tls.key",
        signing_key=_read_key(folder / "signing.key"),
        signing_certificate=(folder / "signing.pem").read_bytes(),
        dkim_keys={name: _read_key(folder / f"{name}.key") for name in DKIM_KEYS},
    )


def _read_key(path: Path) -> rsa.RSAPrivateKey:
    """Read a key; skip validation of its primes, which would take longer than the rest of the start."""
    key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} is not an RSA key. Delete its directory and start again.")
    return key


def _make_at(folder: Path, regions: Sequence[str]) -> None:
    """Create all files in a temporary directory and rename it; if two processes race, the first wins."""
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    _make(made, regions)
    try:
        made.rename(folder)
    except OSError:
        shutil.rmtree(made)


def _make(directory: Path, regions: Sequence[str]) -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Letterhead sandbox CA: demo and test use only")
    ca = _builder(ca_name, ca_name, ca_key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    ca = ca.add_extension(_usage(signs_certificates=True), critical=True)
    _write(directory / "ca.pem", _pem(ca.sign(ca_key, hashes.SHA256())))
    tls_key = ec.generate_private_key(ec.SECP256R1())
    hosts = [f"{host}.{region}.amazonaws.com" for region in regions for host in ("sns", "*")]
    tls = _leaf(hosts[0], tls_key, ca_name, ca_key, [*hosts, "localhost", RECEIVER_HOST])
    _write(directory / "tls.key", _key_pem(tls_key))
    _write(directory / "tls.pem", tls)
    for name in DKIM_KEYS:
        _write(directory / f"{name}.key", _key_pem(make_key()))
    signing_key = make_key()
    _write(directory / "signing.key", _key_pem(signing_key))
    _write(
        directory / "signing.pem",
        _leaf("sns.amazonaws.com", signing_key, ca_name, ca_key, ["sns.amazonaws.com"]),
    )


def _leaf(
    name: str, key: _Key, ca_name: x509.Name, ca_key: ec.EllipticCurvePrivateKey, hosts: list[str]
) -> bytes:
    names = [x509.DNSName(host) for host in hosts]
    builder = _builder(_name(name), ca_name, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([*names, x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
    )
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
    )
    return _pem(builder.sign(ca_key, hashes.SHA256()))


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - needs the mode
        file.write(content)
