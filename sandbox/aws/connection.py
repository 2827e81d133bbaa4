"""Raw control of a client's connection, which ASGI does not offer and which a lost answer needs.

`HttpProtocol` is uvicorn's own h11 protocol; all it adds is the ASGI extension `letterhead.transport`, the
connection's asyncio transport, with which an answer can be cut off or the connection reset.

Serve the apps of sandbox.aws as
`uvicorn.Config(app, http=HttpProtocol, timeout_keep_alive=KEEP_ALIVE)`.
"""

import asyncio
import socket
import struct

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds an idle connection is kept. Far above botocore's reuse: a connection closed by us just when a client
# posts on it looks like an answer that was lost.
KEEP_ALIVE = 3600

SILENCE = 120.0  # seconds after which we give up being silent on a client that waits for ever

_EXTENSION = "letterhead.transport"
_NO_LINGER = struct.pack("ii", 1, 0)


class HttpProtocol(H11Protocol):
    """uvicorn's protocol with the extension `letterhead.transport` in every request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wraps the app of this one connection."""
        super().connection_made(transport)
        self.app = _offering(self.app, transport)


def _offering(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def offering(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[_EXTENSION] = transport
        await app(scope, receive, send)

    return offering


class Reset:
    """An ASGI answer that never comes: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Needs HttpProtocol; a server without it is a mistake in the wiring."""
        transport = scope["extensions"][_EXTENSION]
        # With lingering off, closing drops what is unsent and tells the peer RST in place of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
        await _disconnected(receive)


class Silence:
    """An ASGI answer that never comes: the connection stays open until the client has had enough."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits for the client to hang up, at most SILENCE seconds."""
        try:
            await asyncio.wait_for(_disconnected(receive), SILENCE)
        except TimeoutError:
            await Reset()(scope, receive, send)


class Half:
    """An answer that breaks off in the middle of its body."""

    def __init__(self, whole: ASGIApp) -> None:
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the headers, with the full length promised, and half of the body; then hangs up."""

        async def send_half(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message["body"]
                message = {**message, "body": body[: len(body) // 2], "more_body": True}
            await send(message)

        await self._whole(scope, receive, send_half)
        scope["extensions"][_EXTENSION].close()
        await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    """Returns when the connection is gone; an answer that returned earlier would be completed by uvicorn."""
    while (await receive())["type"] != "http.disconnect":
        pass


def client_host(request: Request) -> str:
    """The client's address, for the events' `ses:source-ip`."""
    return request.client.host if request.client else "127.0.0.1"
