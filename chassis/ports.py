"""Ports of gRPC servers: with TLS or in plaintext; an error names the setting."""

from collections.abc import Callable

import grpc

from chassis import config
from chassis.tls import server_credentials


def bind(server: grpc.aio.Server, settings: config.Server) -> int:
    """Bind the port for calls and return it; raises ConfigError."""
    if settings.grpc_plaintext:
        return _bound(server.add_insecure_port, settings, "grpc_port")
    credentials = server_credentials(settings)
    return _bound(lambda address: server.add_secure_port(address, credentials), settings, "grpc_port")


def bind_probes(server: grpc.aio.Server, settings: config.Server) -> None:
    """Bind the plaintext port for probes, if there is one; raises ConfigError."""
    if settings.health_port:
        _bound(server.add_insecure_port, settings, "health_port")


def _bound(add: Callable[[str], int], settings: config.Server, name: str) -> int:
    address = f"{settings.grpc_host}:{getattr(settings, name)}"
    try:
        return add(address)
    except RuntimeError:
        problem = f"cannot listen on {address}: the port is in use, or this host does not have the address"
        raise config.ConfigError([f"{config.PREFIX}{name.upper()}: {problem}"]) from None
