"""Servers of hostile receivers: one that speaks TLS properly, and one for each way not to."""

import asyncio
import socket
import ssl
import struct
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import DNSName, IPAddress
from cryptography.x509.oid import NameOID

from cli.server_process import free_port
from tests.integration.deliverer.hostilities import KINDS, End

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]

HEALTHY = "/healthy/"
HANDSHAKES = (
    "not-tls",
    "plain-http",
    "silent",
    "trickles",
    "closes",
    "resets",
    "self-signed",
    "expired",
    "of-another-host",
    "old-tls",
)


@dataclass
class Receivers:
    """The ports by how the connection starts, the posts that arrived at each path, and when."""

    ports: Mapping[str, int]
    ca_file: Path
    arrived: dict[str, list[tuple[datetime, bytes]]] = field(default_factory=dict)
    outside: Counter[str] = field(default_factory=Counter)  # paths that no endpoint has

    def url(self, path: str, handshake: str = "proper") -> str:
        """Return the URL of a path."""
        return f"https://127.0.0.1:{self.ports[handshake]}{path}"


@asynccontextmanager
async def hostile_receivers(directory: Path) -> AsyncIterator[Receivers]:
    """Serve all kinds of receivers while the block runs."""
    issuer = Issuer(directory)
    receivers = Receivers({name: free_port() for name in ("proper", *HANDSHAKES)}, issuer.ca_file)
    connections = _Connections()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(connections.end)
        for name, port in receivers.ports.items():
            serve = partial(connections.serve, _BEFORE_TLS.get(name) or partial(_misbehave, receivers))
            context = None if name in _BEFORE_TLS else _context(issuer, name)
            server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context, backlog=1024)
            stack.callback(server.close)
        yield receivers


class _Connections:
    """All connections, which most receivers leave open."""

    def __init__(self) -> None:
        self._open: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []

    async def serve(self, serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection, and remember it."""
        task = asyncio.ensure_future(serve(reader, writer))
        self._open.append((writer, task))
        with suppress(OSError, asyncio.CancelledError):
            await task

    async def end(self) -> None:
        """Reset all connections."""
        for writer, task in self._open:
            task.cancel()
            writer.transport.abort()
        closed = (writer.wait_closed() for writer, _ in self._open)
        async with asyncio.timeout(5):
            await asyncio.gather(*closed, return_exceptions=True)


def _context(issuer: "Issuer", name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issuer.issue(name))
    if name == "old-tls":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


async def _misbehave(
    receivers: Receivers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer the posts of one connection as their path says: `/KIND/VARIATION`, or properly at `HEALTHY`."""
    with suppress(OSError, asyncio.IncompleteReadError, ValueError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            receivers.arrived.setdefault(path, []).append((datetime.now(UTC), body))
            if path.startswith(HEALTHY):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                continue
            kind, _, number = path[1:].partition("/")
            if kind not in KINDS:
                receivers.outside[path] += 1
                break
            for act in KINDS[kind](int(number)):
                if isinstance(act, bytes):
                    writer.write(act)
                    await writer.drain()
                    await asyncio.sleep(0)  # although `drain` returns at once while the client reads as fast
                elif isinstance(act, End):
                    _end(writer, act)
                    return
                else:
                    await asyncio.sleep(act)
    writer.close()


def _end(writer: asyncio.StreamWriter, end: End) -> None:
    if end is End.CLOSE:
        writer.close()
        return
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _send_noise(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x03\xff\xff" + bytes(range(256)) * 4)


async def _send_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


async def _be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while await reader.read(1024):
            pass
    writer.close()


async def _trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the beginning of a handshake record byte by byte."""
    with suppress(OSError):
        for octet in b"\x16\x03\x03\x40\x00\x02" + b"\x00" * 1000:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.2)
    writer.close()


async def _close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _end(writer, End.RESET)


_BEFORE_TLS: Mapping[str, Serve] = {
    "not-tls": _send_noise,
    "plain-http": _send_http,
    "silent": _be_silent,
    "trickles": _trickle,
    "closes": _close,
    "resets": _reset,
}


class Issuer:
    """A certificate authority whose certificates have the flaw that their name says, or none."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("A CA of the tests")
        ca = self._certificate(self._name, self._name, self._key, self._key, DNSName("ca"), is_ca=True)
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(ca.public_bytes(Encoding.PEM))

    def issue(self, name: str) -> Path:
        """Write a certificate with its key; return the file."""
        key, subject = ec.generate_private_key(ec.SECP256R1()), _named(name)
        host = DNSName("elsewhere.com") if name == "of-another-host" else IPAddress(IPv4Address("127.0.0.1"))
        issuer, signer = (subject, key) if name == "self-signed" else (self._name, self._key)
        certificate = self._certificate(subject, issuer, key, signer, host, expired=name == "expired")
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self._directory / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        return path

    @staticmethod
    def _certificate(
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        signer: ec.EllipticCurvePrivateKey,
        host: DNSName | IPAddress,
        *,
        is_ca: bool = False,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=-1 if expired else 1))
            .add_extension(x509.SubjectAlternativeName([host]), critical=False)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .sign(signer, hashes.SHA256())
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
