"""Raw control of a client's connection, which ASGI does not offer and which a lost answer needs.

`HttpProtocol` is uvicorn's own h11 protocol; all it adds is the ASGI extension `letterhead.reset`, a function
that ends the connection with a TCP reset. Serve the apps of sandbox.aws as
`uvicorn.Config(app, http=HttpProtocol, timeout_keep_alive=KEEP_ALIVE)`.
"""

import asyncio
import socket
import struct
from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds an idle connection is kept. Far above botocore's reuse: a connection closed by us just when a client
# posts on it looks like an answer that was lost.
KEEP_ALIVE = 3600

SILENCE = 120.0  # seconds after which we give up being silent on a client that waits for ever

_EXTENSION = "letterhead.reset"
_NO_LINGER = struct.pack("ii", 1, 0)


class HttpProtocol(H11Protocol):
    """uvicorn's protocol with the extension `letterhead.reset` in every request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wraps the app of this one connection."""
        super().connection_made(transport)
        self.app = _offering_reset(self.app, lambda: _reset(transport))


def _offering_reset(app: ASGIApp, reset: Callable[[], None]) -> ASGIApp:
    async def offering(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[_EXTENSION] = reset
        await app(scope, receive, send)

    return offering


def _reset(transport: asyncio.Transport) -> None:
    """With lingering off, closing drops what is unsent and tells the peer RST in place of FIN."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class Reset:
    """An ASGI answer that never comes: the connection is reset."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Needs HttpProtocol; a server without it is a mistake in the wiring."""
        scope["extensions"][_EXTENSION]()


class Silence:
    """An ASGI answer that never comes: the connection stays open until the client has had enough."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Waits for the client to hang up, at most SILENCE seconds."""
        try:
            async with asyncio.timeout(SILENCE):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            pass
        scope["extensions"][_EXTENSION]()


class Half:
    """An answer that breaks off in the middle of its body."""

    def __init__(self, whole: ASGIApp) -> None:
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the headers, with the full length promised, and half of the body."""

        async def send_half(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message["body"]
                message = {**message, "body": body[: len(body) // 2], "more_body": True}
            await send(message)

        await self._whole(scope, receive, send_half)
        await asyncio.sleep(0)  # lets the half reach the socket before the reset would drop it
        scope["extensions"][_EXTENSION]()


def client_host(request: Request) -> str:
    """The client's address, for the events' `ses:source-ip`."""
    return request.client.host if request.client else "127.0.0.1"
