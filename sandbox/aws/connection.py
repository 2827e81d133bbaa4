"""Low-level control of a client's connection, which ASGI lacks and which simulated network faults need.

`HttpProtocol` is uvicorn's h11 protocol plus the ASGI extension `letterhead.transport`: the connection's
asyncio transport, with which a handler can truncate a response or reset the connection.

Serve the apps of sandbox.aws as
`uvicorn.Config(app, http=HttpProtocol, timeout_keep_alive=KEEP_ALIVE)`.
"""

import asyncio
import socket
import struct

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds that an idle connection is kept. It is far longer than botocore reuses connections, because a close
# at the moment when a client posts looks like a lost response.
KEEP_ALIVE = 3600

SILENCE = 120.0  # seconds after which the connection of a client without a timeout is reset

_EXTENSION = "letterhead.transport"
_NO_LINGER = struct.pack("ii", 1, 0)


class HttpProtocol(H11Protocol):
    """uvicorn's protocol, with the extension `letterhead.transport` in every request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wrap the app for this connection, to add the extension."""
        super().connection_made(transport)
        self.app = _offering(self.app, transport)


def _offering(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def offering(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[_EXTENSION] = transport
        await app(scope, receive, send)

    return offering


class Reset:
    """A response that is never sent: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Reset the connection; requires a server that uses HttpProtocol."""
        transport = scope["extensions"][_EXTENSION]
        # With SO_LINGER at 0 seconds, closing discards unsent data and sends RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
        await _disconnected(receive)


class Silence:
    """A response that is never sent: the connection stays open until the client times out."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the client to disconnect; after SILENCE seconds, reset the connection."""
        try:
            await asyncio.wait_for(_disconnected(receive), SILENCE)
        except TimeoutError:
            await Reset()(scope, receive, send)


class Half:
    """A response that is cut off in the middle of its body."""

    def __init__(self, whole: ASGIApp) -> None:
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers with the full Content-Length and half of the body; then close the connection."""

        async def send_half(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message["body"]
                message = {**message, "body": body[: len(body) // 2], "more_body": True}
            await send(message)

        await self._whole(scope, receive, send_half)
        scope["extensions"][_EXTENSION].close()
        await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    """Wait until the client disconnects; uvicorn would complete the response if the app returned earlier."""
    while (await receive())["type"] != "http.disconnect":
        pass


def client_host(request: Request) -> str:
    """Return the client's address, for the events' `ses:source-ip`."""
    return request.client.host if request.client else "127.0.0.1"
