"""The console service: web pages and an HTTP API, in front of the other services."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chassis import config, server
from chassis.certificates import measure_grpc
from chassis.connections import Limits
from chassis.telemetry import get_logger, metrics_server
from chassis.web import Site, listen, serving
from services.console.application import application
from services.console.config import Config
from services.console.hardening import headers_for
from services.console.live import Live
from services.console.stubs import open_stubs

log = get_logger(__name__)

CONNECTIONS = 4000  # concurrent, including open live pages


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block ends; yield the port it listens on."""
    async with AsyncExitStack() as stack:
        measure_grpc(settings.tls)
        stack.enter_context(metrics_server(settings.console_host, settings.process.metrics_port))
        listener = stack.enter_context(_listening(settings))
        stubs = await stack.enter_async_context(open_stubs(settings))
        live = Live(stubs)
        site = Site(application(settings, stubs, live), listener, _options(settings), _limits(settings))
        await stack.enter_async_context(serving(site))
        stack.callback(live.end)  # before the drain, which waits for open streams
        if settings.secure and settings.addresses_shared:
            log.warning(
                "no trusted proxies configured, failed sign-ins are counted by key", action="proxy_untrusted"
            )
        port: int = listener.getsockname()[1]
        log.info("serving", action="server_started", port=port)
        yield port


def _listening(settings: Config) -> socket.socket:
    try:
        return listen(settings.console_host, settings.console_port)
    except OSError as error:
        raise config.ConfigError([f"{config.PREFIX}CONSOLE_PORT: {error.strerror}"]) from None


def _limits(settings: Config) -> Limits:
    return Limits(
        connections=CONNECTIONS,
        trusted=settings.trusted_proxies,
        always=frozenset({"/healthz"}),
        headers=headers_for(settings.origin),
    )


def _options(settings: Config) -> dict[str, object]:
    """Return uvicorn's options, including the proxies trusted to report client addresses."""
    return {
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "timeout_graceful_shutdown": int(settings.process.drain.total_seconds()),
        "server_header": False,
    }


if __name__ == "__main__":
    server.main(running, Config)
