"""Servers of hostile receivers: one that speaks TLS properly, and one for each way not to.

Runs as a separate process, because they would keep the event loop of the tests busy.
"""

import asyncio
import json
import socket
import ssl
import struct
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import TextIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import DNSName, IPAddress
from cryptography.x509.oid import NameOID

from cli.parent_death_signal import ending_with_parent
from cli.server_process import free_port
from tests.integration.deliverer.hostilities import KINDS, End
from tests.waiting import eventually

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]

HEALTHY = "/healthy/"
ARRIVED = "arrived.jsonl"
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


@dataclass(frozen=True)
class Arrived:
    """A post that arrived."""

    at: datetime
    path: str
    body: str


@dataclass(frozen=True)
class Receivers:
    """The running process, and its ports by how a connection starts."""

    directory: Path
    ports: Mapping[str, int]

    @property
    def ca_file(self) -> Path:
        """Return the file of the certificate authority to trust."""
        return self.directory / "ca.pem"

    def arrived(self) -> list[Arrived]:
        """Return the posts that arrived, oldest first."""
        lines = (self.directory / ARRIVED).read_text().splitlines()
        rows = [json.loads(each) for each in lines]
        return [Arrived(datetime.fromisoformat(at), path, body) for at, path, body in rows]

    def url(self, path: str, handshake: str = "proper") -> str:
        """Return the URL of a path."""
        return f"https://127.0.0.1:{self.ports[handshake]}{path}"


@asynccontextmanager
async def hostile_receivers(directory: Path) -> AsyncIterator[Receivers]:
    """Run all kinds of receivers while the block runs."""
    receivers = Receivers(directory, {name: free_port() for name in ("proper", *HANDSHAKES)})
    arguments = [str(directory), json.dumps(receivers.ports)]
    command = ending_with_parent([sys.executable, "-m", "tests.integration.deliverer.hostile_receivers"])
    process = await asyncio.create_subprocess_exec(*command, *arguments)
    try:
        await eventually((directory / ARRIVED).exists, within=timedelta(seconds=60))
        yield receivers
    finally:
        process.kill()
        await process.wait()


async def _main(directory: Path, ports: Mapping[str, int]) -> None:
    issuer = Issuer(directory)
    async with AsyncExitStack() as stack:
        arrived = stack.enter_context((directory / "arriving").open("w", buffering=1))
        for name, port in ports.items():
            serve = _BEFORE_TLS.get(name) or partial(_misbehave, arrived)
            context = None if name in _BEFORE_TLS else _context(issuer, name)
            server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context, backlog=1024)
            stack.callback(server.close)
        (directory / "arriving").rename(directory / ARRIVED)  # now that they listen
        await asyncio.Event().wait()


def _context(issuer: "Issuer", name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issuer.issue(name))
    if name == "old-tls":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


async def _misbehave(arrived: TextIO, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the posts of one connection as their path says: `/KIND/VARIATION`, or properly at `HEALTHY`."""
    with suppress(OSError, asyncio.IncompleteReadError, ValueError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            arrived.write(json.dumps([datetime.now(UTC).isoformat(), path, body.decode()]) + "\n")
            if path.startswith(HEALTHY):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                continue
            kind, _, number = path[1:].partition("/")
            if kind not in KINDS:
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
    if sock := writer.get_extra_info("socket"):
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


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), json.loads(sys.argv[2])))
