"""A CA, and the certificate of each process for gRPC, as cert-manager would write them into Secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.server_process import HOST
from services import PROCESSES

LIFETIME = timedelta(days=90)


@dataclass(frozen=True)
class Authority:
    """A CA that issues certificates of processes on this machine into `directory`."""

    directory: Path
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, directory: Path) -> "Authority":
        """Create the CA, its certificate and that of each process."""
        directory.mkdir(parents=True)
        authority = cls(directory, ec.generate_private_key(ec.SECP256R1()))
        certificate = _builder("Drill CA", authority.key.public_key(), until=datetime.now(UTC) + LIFETIME)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        signed = certificate.add_extension(basic, critical=True).sign(authority.key, hashes.SHA256())
        authority.ca.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        for process in PROCESSES:
            authority.issue(process.name, until=datetime.now(UTC) + LIFETIME)
        return authority

    @property
    def lifetime(self) -> timedelta:
        """Return how long certificates are valid."""
        return LIFETIME

    @property
    def ca(self) -> Path:
        """Return the file with the CA's certificate."""
        return self.directory / "ca.pem"

    def settings(self, process: str) -> Mapping[str, str]:
        """Return the TLS settings of a process."""
        return {
            "LETTERHEAD_GRPC_PLAINTEXT": "",
            "LETTERHEAD_GRPC_CA_FILE": str(self.ca),
            "LETTERHEAD_GRPC_CERTIFICATE_FILE": str(self.directory / f"{process}.pem"),
            "LETTERHEAD_GRPC_KEY_FILE": str(self.directory / f"{process}.key"),
        }

    def issue(self, process: str, *, until: datetime) -> None:
        """Replace key and certificate of a process; it expires at `until`, possibly in the past."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address(HOST))]
        certificate = _builder(process, key.public_key(), until=until)
        certificate = certificate.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = certificate.sign(self.key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._replace(f"{process}.key", private)
        self._replace(f"{process}.pem", signed.public_bytes(serialization.Encoding.PEM))

    def _replace(self, name: str, content: bytes) -> None:
        """Replace a file by renaming, as the kubelet does, so that no process reads half of it."""
        unfinished = self.directory / f"{name}.unfinished"
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(content)
        unfinished.rename(self.directory / name)


def _builder(name: str, key: ec.EllipticCurvePublicKey, *, until: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Drill CA")]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - LIFETIME - timedelta(hours=1))
        .not_valid_after(until)
    )
