"""TLS of gRPC: credentials from PEM files, reloaded when the files change.

Kubernetes and cert-manager replace the files of a Secret while a process runs.
"""

from pathlib import Path
from typing import Any

import grpc

from chassis.config import PREFIX, ConfigError, Tls
from chassis.telemetry import get_logger

log = get_logger(__name__)


class Files:
    """The PEM files from the settings; detects whether they have changed since they were last read."""

    def __init__(self, tls: Tls) -> None:
        self._paths: dict[str, Path | None] = {
            "GRPC_CERTIFICATE_FILE": tls.grpc_certificate_file,
            "GRPC_KEY_FILE": tls.grpc_key_file,
            "GRPC_CA_FILE": tls.grpc_ca_file,
        }
        self._seen: tuple[Any, ...] = ()

    def read(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Return certificate chain, key and CA; raises ConfigError if a file cannot be read."""
        self._seen = self._versions()
        certificate, key, ca = (self._read(name, path) for name, path in self._paths.items())
        return certificate, key, ca

    def changed(self) -> bool:
        """Return whether a file was replaced. A missing file does not count: the loaded one stays in use."""
        now = self._versions()
        return None not in now and now != self._seen

    def _versions(self) -> tuple[Any, ...]:
        return tuple(_version(path) for path in self._paths.values() if path is not None)

    def _read(self, name: str, path: Path | None) -> bytes | None:
        if path is None:
            return None
        try:
            return path.read_bytes()
        except OSError as error:
            problem = f"{PREFIX}{name}: cannot read {str(path)!r}: {error.strerror}"
            raise ConfigError([problem]) from None


def _version(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def server_credentials(tls: Tls) -> grpc.ServerCredentials:
    """Return server credentials that use the newest certificate for each handshake. Raises ConfigError."""
    files = Files(tls)

    def configuration() -> Any:
        certificate, key, ca = files.read()
        assert certificate is not None  # the settings of a server require both
        assert key is not None
        roots = ca if tls.grpc_client_certificates else None
        return grpc.ssl_server_certificate_configuration([(key, certificate)], roots)

    def renewed() -> Any:
        """Return the new certificate, or None to keep the current one; gRPC calls this at each handshake."""
        if not files.changed():
            return None
        try:
            return configuration()
        except ConfigError as error:
            log.warning("TLS reload failed", action="tls_reload_failed", problem=error.problems[0])
            return None

    return grpc.dynamic_ssl_server_credentials(configuration(), renewed, tls.grpc_client_certificates)


def channel_credentials(files: Files) -> grpc.ChannelCredentials:
    """Return client credentials: the CA to trust, and the client's certificate if it has one."""
    certificate, key, ca = files.read()
    return grpc.ssl_channel_credentials(ca, key, certificate)
