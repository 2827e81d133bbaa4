"""Serves an ASGI app on a socket of its own, several of them in one event loop, without signal handlers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

_GRACE = 1  # seconds open requests get at the end


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


@asynccontextmanager
async def serving(app: Any, *, host: str, port: int, **options: Any) -> AsyncIterator[int]:
    """Serves the app for as long as the context lasts and yields its port; port 0 takes a free one.

    `options` are uvicorn's. Raises OSError, naming the address, when the port is taken.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE, **options
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"Cannot listen at {host}:{port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener
