"""Server of several ASGI apps in one event loop, each on its own socket, without signal handlers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import uvicorn

from chassis.connections import IDLE_FOR, Connections, Guarded, Limits

_GRACE = 1  # seconds for open requests on shutdown
_BACKLOG = 1024  # connections waiting to be accepted


@dataclass(frozen=True)
class Site:
    """An ASGI app, its listening socket, its uvicorn options, and the limits of its connections."""

    app: Any
    listener: socket.socket
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits | None = None  # None: uvicorn's defaults, for an app that untrusted clients cannot reach


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signal handling to the process that runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


@asynccontextmanager
async def serving(*sites: Site) -> AsyncIterator[None]:
    """Serve the sites while the block runs, then shut all of them down together."""
    servers = [_Server(_config(site)) for site in sites]
    tasks = [
        asyncio.create_task(server.serve(sockets=[site.listener]))
        for server, site in zip(servers, sites, strict=True)
    ]
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 = any free port. Raises OSError that names the address."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"Cannot listen on {host}:{port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener


def _config(site: Site) -> uvicorn.Config:
    defaults = {"timeout_graceful_shutdown": _GRACE, "timeout_keep_alive": _seconds(IDLE_FOR)}
    guarded: dict[str, Any] = {} if site.limits is None else _guarded(site.limits)
    return uvicorn.Config(
        site.app,
        lifespan="off",
        log_config=None,
        access_log=False,
        **{**defaults, **guarded, **site.options},
    )


def _guarded(limits: Limits) -> dict[str, Any]:
    return {
        "http": partial(Guarded, Connections(limits)),
        "ws": "none",
        "backlog": _BACKLOG,
        "timeout_keep_alive": _seconds(limits.idle_for),
    }


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
