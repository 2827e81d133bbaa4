"""TLS of gRPC: encryption, verification of both ends, and rotation of certificates without restarts."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import channels, config
from chassis.server import serving
from cli.server_process import free_port
from tests.health import serves
from tests.integration.chassis.certificates import Authority, Identity
from tests.integration.chassis.probe import PLAINTEXT, a_server, get_tenant, nothing, registrations
from tests.waiting import eventually

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def as_settings(files: Identity, **more: Any) -> dict[str, Any]:
    """Return the settings with the paths of these files."""
    paths = {"certificate": files.certificate, "key": files.key, "ca": files.ca}
    return {f"grpc_{name}_file": path for name, path in paths.items()} | more


@asynccontextmanager
async def a_tls_server(files: Identity, **changes: Any) -> AsyncIterator[str]:
    """Run a server with these files; yield its address."""
    settings = a_server(**as_settings(files), **changes)
    async with serving(settings, registrations=registrations(nothing)) as port:
        yield f"127.0.0.1:{port}"


async def code_of(address: str, tls: config.Tls) -> grpc.StatusCode:
    """Return the status code of one call."""
    async with channels.opened(address, tls) as channel:
        code: grpc.StatusCode = await get_tenant(channel, timeout=10).code()
        return code


@pytest.fixture
def authority() -> Authority:
    return Authority()


async def test_a_client_that_trusts_the_ca_can_call(authority: Authority, tmp_path: Path) -> None:
    files = authority.issue(tmp_path / "server")

    async with a_tls_server(files) as address:
        code = await code_of(address, config.Tls(grpc_ca_file=files.ca))

    assert code is grpc.StatusCode.OK


async def test_clients_with_plaintext_or_another_ca_cannot_connect(
    authority: Authority, tmp_path: Path
) -> None:
    files = authority.issue(tmp_path / "server")
    other = Authority("other").issue(tmp_path / "other")

    async with a_tls_server(files) as address:
        plaintext = await code_of(address, PLAINTEXT)
        other_ca = await code_of(address, config.Tls(grpc_ca_file=other.ca))

    assert (plaintext, other_ca) == (UNAVAILABLE, UNAVAILABLE)


async def test_with_mtls_a_client_needs_a_certificate_of_the_ca(authority: Authority, tmp_path: Path) -> None:
    files, own = authority.issue(tmp_path / "server"), authority.issue(tmp_path / "client")
    other = Authority("other").issue(tmp_path / "other")
    other.ca.write_bytes(files.ca.read_bytes())

    async with a_tls_server(files, grpc_client_certificates=True) as address:
        without = await code_of(address, config.Tls(grpc_ca_file=files.ca))
        other_ca = await code_of(address, config.Tls(**as_settings(other)))
        same_ca = await code_of(address, config.Tls(**as_settings(own)))

    assert (without, other_ca, same_ca) == (UNAVAILABLE, UNAVAILABLE, grpc.StatusCode.OK)


async def test_a_server_presents_a_renewed_certificate(authority: Authority, tmp_path: Path) -> None:
    files = authority.issue(tmp_path / "server")

    async with a_tls_server(files) as address:
        host, port = address.split(":")
        before = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
        authority.issue(tmp_path / "server")
        after = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))

    assert before != after
    assert after == files.certificate.read_text()


async def test_a_server_keeps_its_certificate_while_the_new_one_is_invalid(
    authority: Authority, tmp_path: Path
) -> None:
    files = authority.issue(tmp_path / "server")

    async with a_tls_server(files) as address:
        files.certificate.write_text("half of a certif")
        damaged = await code_of(address, config.Tls(grpc_ca_file=files.ca))
        files.certificate.unlink()
        missing = await code_of(address, config.Tls(grpc_ca_file=files.ca))

    assert (damaged, missing) == (grpc.StatusCode.OK, grpc.StatusCode.OK)


async def test_an_open_channel_uses_a_new_ca_and_certificate(authority: Authority, tmp_path: Path) -> None:
    """The files of both ends change, as when a CA is replaced, and the client is not restarted."""
    own = authority.issue(tmp_path / "client")
    files = authority.issue(tmp_path / "server")
    port = free_port()
    settings = {"grpc_port": port, "grpc_client_certificates": True}

    async with channels.opened(f"127.0.0.1:{port}", config.Tls(**as_settings(own))) as channel:
        async with a_tls_server(files, **settings):
            await get_tenant(channel, timeout=20)
        successor = Authority("successor")
        successor.issue(tmp_path / "client")
        async with a_tls_server(successor.issue(tmp_path / "server"), **settings):

            async def served() -> bool:
                return await get_tenant(channel, timeout=5).code() is grpc.StatusCode.OK

            await eventually(served)


async def test_the_health_port_serves_only_health_checks_in_plaintext(
    authority: Authority, tmp_path: Path
) -> None:
    port = free_port()

    async with a_tls_server(authority.issue(tmp_path / "server"), health_port=port):
        await eventually(lambda: serves(port))
        alive = await serves(port, "liveness")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            other = await get_tenant(channel).code()
            stub = health_pb2_grpc.HealthStub(channel)
            large = await stub.Check(health_pb2.HealthCheckRequest(service="x" * 2000)).code()
            watched = await stub.Watch(health_pb2.HealthCheckRequest()).code()

    assert alive
    assert (other, watched) == (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNIMPLEMENTED)
    assert large is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_health_port_in_use_is_a_config_error(authority: Authority, tmp_path: Path) -> None:
    files, port = authority.issue(tmp_path / "server"), free_port()

    async with a_tls_server(files, health_port=port):
        with pytest.raises(config.ConfigError, match="LETTERHEAD_HEALTH_PORT"):
            async with a_tls_server(files, health_port=port):
                pass


async def test_a_file_that_cannot_be_read_is_a_config_error(authority: Authority, tmp_path: Path) -> None:
    files = authority.issue(tmp_path / "server")
    files.key.unlink()

    with pytest.raises(config.ConfigError, match="LETTERHEAD_GRPC_KEY_FILE: cannot read"):
        async with a_tls_server(files):
            pass
    with pytest.raises(config.ConfigError, match="LETTERHEAD_GRPC_CA_FILE: cannot read"):
        channels.opened("127.0.0.1:1", config.Tls(grpc_ca_file=tmp_path / "none"))
