"""A host of SNS's signing certificates that can misbehave, and counters of other connections."""

import asyncio
import hashlib
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.webhooks.authority import Authority, Key, Wanted, key_pem_of, pem_of

HOST = "127.0.0.1"
NAME = "sns.us-east-1.amazonaws.com"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class CertificateHost:
    """Serves PEM files by name, and records the requests that it answered."""

    authority: Authority = field(default_factory=lambda: Authority("Test root"))
    port: int = 0
    requests: list[str] = field(default_factory=list)
    in_trouble: bool = False
    _served: dict[str, bytes | Handler] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def serve(self, content: bytes | Handler, label: str) -> str:
        """Serve a file or a handler under a name of SNS's format; return the name."""
        digest = hashlib.md5(label.encode(), usedforsecurity=False).hexdigest()
        name = f"SimpleNotificationService-{digest}.pem"
        return self.serve_as(name, content)

    def serve_as(self, name: str, content: bytes | Handler) -> str:
        """Serve a file or a handler under the given name."""
        self._served[name] = content
        return name

    def issue(self, key: Key, label: str, wanted: Wanted | None = None) -> str:
        """Issue a certificate and serve it; return its file name."""
        return self.serve(pem_of(self.authority.issue(key, wanted)), label)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        name = request.path.removeprefix("/")
        self.requests.append(name)
        found = self._served.get(name)
        if self.in_trouble:
            return web.Response(status=503)
        if callable(found):
            return await found(request)
        if found is None or request.host != NAME:
            return web.Response(status=404)
        return web.Response(body=found)


@asynccontextmanager
async def certificate_host(directory: Path, keys: "Keys") -> AsyncIterator[CertificateHost]:
    """Run the host over TLS, with a certificate for the name of SNS's endpoint."""
    host = CertificateHost()
    chain, key = directory / "host.pem", directory / "host.key"
    chain.write_bytes(pem_of(host.authority.issue(keys.tls, Wanted(names=(NAME,), common_name=NAME))))
    key.write_bytes(key_pem_of(keys.tls))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=context).start()
    host.port = runner.addresses[0][1]
    yield host
    await runner.cleanup()


@dataclass(frozen=True)
class Keys:
    """The keys of a test session, generated once because generating RSA keys is slow."""

    tls: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    sns: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    attacker: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))


@dataclass
class Elsewhere:
    """An attacker's host, which counts connections."""

    port: int = 0
    connections: int = 0

    def accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count a connection and close it."""
        self.connections += 1
        writer.close()


@asynccontextmanager
async def elsewhere() -> AsyncIterator[Elsewhere]:
    """Run the attacker's host."""
    host = Elsewhere()
    server = await asyncio.start_server(host.accept, HOST, 0)
    host.port = server.sockets[0].getsockname()[1]
    async with server:
        yield host


@dataclass
class Outgoing:
    """Every name that this process resolved and every address it connected to, from Python's audit events."""

    names: list[str] = field(default_factory=list)
    addresses: list[tuple[str, int]] = field(default_factory=list)

    def record(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record one audit event."""
        if event == "socket.getaddrinfo":
            self.names.append(str(arguments[0]))
        elif event == "socket.connect" and isinstance(arguments[1], tuple):
            self.addresses.append((arguments[1][0], arguments[1][1]))


_watching: list[Outgoing] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    for each in _watching:
        each.record(event, arguments)


sys.addaudithook(_audit)  # an audit hook cannot be removed, so it consults _watching


@contextmanager
def outgoing() -> Iterator[Outgoing]:
    """Record what this process connects to while the block runs."""
    watcher = Outgoing()
    _watching.append(watcher)
    yield watcher
    _watching.remove(watcher)
