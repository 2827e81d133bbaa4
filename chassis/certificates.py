"""Expiry of the certificates that a process uses, as metrics: read from their files whenever Prometheus asks.

That of NATS's servers is known from the last handshake. Postgres's servers have monitoring of their own.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from prometheus_client import Gauge

from chassis.config import Postgres, Tls

EXPIRY = Gauge(
    "letterhead_certificate_expiry_timestamp_seconds",
    "When a certificate that this process uses expires; 0 if it cannot be read",
    ["certificate"],
)
# A chain is valid until its first certificate expires, a bundle of CAs until its last one does.
CHAIN: Callable[..., datetime] = min
BUNDLE: Callable[..., datetime] = max


def measure_grpc(tls: Tls) -> None:
    """Measure the certificate that this process presents, and the CA with which it verifies others."""
    _measure("grpc", tls.grpc_certificate_file, CHAIN)
    _measure("grpc_ca", tls.grpc_ca_file, BUNDLE)


def measure_postgres(settings: Postgres) -> None:
    """Measure the CA that verifies Postgres, and the client certificate and the CA that its URL names."""
    if settings.database_tls_ca:
        with suppress(ValueError):  # the connection says that it is no certificate
            expires_at = _expiry(settings.database_tls_ca.reveal().encode(), BUNDLE)
            EXPIRY.labels("postgres_ca").set(expires_at.timestamp())
    options = parse_qs(urlsplit(settings.database_url.reveal()).query)
    for certificate, option, which in (
        ("postgres", "sslcert", CHAIN),
        ("postgres_ca", "sslrootcert", BUNDLE),
    ):
        path = options.get(option, [""])[-1]
        _measure(certificate, Path(path) if path else None, which)


def measured_nats(ca: str) -> ssl.SSLContext:
    """Return a context that verifies NATS with a CA; it measures the CA and the servers' certificates."""
    EXPIRY.labels("nats_ca").set(_expiry(ca.encode(), BUNDLE).timestamp())
    context = ssl.create_default_context(cadata=ca)
    context.sslobject_class = _NatsConnection
    return context


class _NatsConnection(ssl.SSLObject):
    """The TLS of a connection to NATS; its client does not tell which certificate the server presented."""

    def do_handshake(self) -> None:
        super().do_handshake()
        if certificate := self.getpeercert():
            EXPIRY.labels("nats_server").set(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


def _measure(certificate: str, path: Path | None, which: Callable[..., datetime]) -> None:
    if path is not None:
        EXPIRY.labels(certificate).set_function(partial(_timestamp, path, which))


def _timestamp(path: Path, which: Callable[..., datetime]) -> float:
    expires_at = expiry_of(path, which)
    return expires_at.timestamp() if expires_at else 0


def expiry_of(path: Path, which: Callable[..., datetime] = CHAIN) -> datetime | None:
    """Return when the certificates in a file expire; None if it cannot be read, as while it is replaced."""
    try:
        return _expiry(path.read_bytes(), which)
    except (OSError, ValueError):
        return None


def _expiry(pem: bytes, which: Callable[..., datetime]) -> datetime:
    return which(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(pem))
