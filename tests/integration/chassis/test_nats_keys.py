"""Connections to NATS: only with the key of the service, and over TLS if configured."""

import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from prometheus_client import REGISTRY

from chassis.config import Nats, Secret
from chassis.errors import Unavailable
from chassis.events import open_stream
from cli.embedded import NatsServer
from cli.nkeys import Nkey
from sandbox.aws.certificates import Certificates, open_certificates
from tests.waiting import eventually


@pytest.fixture
def server(workspace: Path) -> Iterator[NatsServer]:
    """Return a server whose keys the test may change."""
    server = NatsServer.start(workspace / uuid4().hex)
    yield server
    server.stop()


def reconfigure(server: NatsServer, text: str) -> None:
    """Change the configuration of the server and reload it, as an operator does."""
    server._config.write_text(text)  # there is no public way to change the configuration
    server.process.send_signal(signal.SIGHUP)


async def test_an_unknown_key_is_rejected_and_logged(
    server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Nats(nats_url=server.url, nats_seed=Secret(Nkey.generate().seed))

    async with open_stream(settings, "identity") as stream:
        logged = ""

        def refused() -> bool:
            nonlocal logged
            logged += capsys.readouterr().out
            return "nats_refused" in logged

        await eventually(refused)
        assert not stream.connected
        with pytest.raises(Unavailable):
            await stream.ensure()


async def test_an_error_before_the_first_connection_is_not_replaced_by_another() -> None:
    with pytest.raises(ValueError, match="an invalid setting"):
        async with open_stream(Nats(nats_url="nats://127.0.0.1:9"), "identity"):
            raise ValueError("an invalid setting")


async def test_a_service_reconnects_when_its_key_is_removed_and_added_again(server: NatsServer) -> None:
    async with open_stream(server.settings("identity"), "identity") as stream:
        await eventually(lambda: stream.connected)
        await stream.ensure()
        known = server._config.read_text()
        mine = next(line for line in known.splitlines() if line.startswith("nkey_identity"))

        reconfigure(server, known.replace(mine, f"nkey_identity: {Nkey.generate().public}"))
        await eventually(lambda: not stream.connected)
        reconfigure(server, known)

        await eventually(lambda: stream.connected)
        await stream.ensure()


async def test_only_the_manager_creates_the_stream(server: NatsServer) -> None:
    async with (
        open_stream(server.settings("identity"), "identity") as manager,
        open_stream(server.settings("sender"), "sender") as other,
    ):
        await eventually(lambda: manager.connected and other.connected)
        with pytest.raises(Unavailable, match="identity creates it"):
            await other.ensure()

        created = await manager.ensure()

        assert await other.ensure() == created


@pytest.fixture
def tls(workspace: Path) -> Certificates:
    return open_certificates(workspace / "certificates", "us-east-1")


def over_tls(server: NatsServer, ca: str) -> Nats:
    seed = server.settings("identity").nats_seed
    return Nats(nats_url=f"tls://127.0.0.1:{server.port}", nats_seed=seed, nats_tls_ca=Secret(ca))


def expiry(certificate: str) -> float | None:
    """Return when a certificate expires according to the metrics."""
    labels = {"certificate": certificate}
    return REGISTRY.get_sample_value("letterhead_certificate_expiry_timestamp_seconds", labels)


def ends(path: Path) -> float:
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()


async def test_a_service_connects_over_tls_only_to_a_server_signed_by_its_ca(
    server: NatsServer, tls: Certificates, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = f'cert_file: "{tls.tls_cert}", key_file: "{tls.tls_key}", handshake_first: true'
    reconfigure(server, f"tls {{ {files} }}\n{server._config.read_text()}")
    another = open_certificates(tmp_path, "us-east-1")

    async with open_stream(over_tls(server, tls.ca.read_text()), "identity") as stream:
        await eventually(lambda: stream.connected)
        await stream.ensure()
        assert expiry("nats_server") == ends(tls.tls_cert)
        assert expiry("nats_ca") == ends(tls.ca)
    async with open_stream(over_tls(server, another.ca.read_text()), "identity") as stream:
        await eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().out)
        assert not stream.connected


async def test_a_service_configured_for_tls_does_not_connect_to_a_plaintext_server(
    server: NatsServer, tls: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_stream(over_tls(server, tls.ca.read_text()), "identity") as stream:
        await eventually(lambda: "nats_refused" in capsys.readouterr().out)
        assert not stream.connected


def test_a_plaintext_url_with_a_ca_is_rejected(tls: Certificates) -> None:
    with pytest.raises(ValueError, match="tls://"):
        Nats(nats_url="tls://one:4222, nats://two:4222", nats_tls_ca=Secret(tls.ca.read_text()))
