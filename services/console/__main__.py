"""The console service: its settings, its parts, and how they are wired together."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette

from chassis import config, server
from chassis.config import Secret, setting
from chassis.connections import Limits
from chassis.telemetry import get_logger, metrics_server
from chassis.web import Site, listen, serving
from services.console import calls
from services.console.application import Parts, application
from services.console.assets import Assets
from services.console.callers import Callers
from services.console.hardening import LOOPBACK, headers_for
from services.console.links import Links
from services.console.pages.routes import Pages
from services.console.session import Sessions, check_secret

log = get_logger(__name__)

CONNECTIONS = 4000  # concurrent, including open live pages


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the console service."""

    process: config.Process
    tls: config.Tls
    console_port: int = setting(
        8080, help="port for the pages and the API; 0 picks a free port", minimum=0, maximum=65535
    )
    console_host: str = setting("0.0.0.0", help="address to bind")  # noqa: S104 - pods are called from outside
    public_url: str = setting(
        help="URL that browsers and SDKs use, e.g. https://letterhead.example.com; http only on loopback"
    )
    session_secret: Secret = setting(
        help="file with the secret that encrypts sign-in cookies, at least 32 characters; may list several,"
        " one per line: the first encrypts, all decrypt"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        help="addresses or networks whose X-Forwarded-For and X-Forwarded-Proto headers are trusted;"
        " if empty, failed sign-ins are counted by key, not by client address",
    )
    api_requests_per_second: int = setting(
        50, help="API requests per second allowed for each key on each replica", minimum=1
    )
    identity_address: str = setting(help="host:port of the identity service")
    verifier_address: str = setting(help="host:port of the verifier service")
    sender_address: str = setting(help="host:port of the sender service")

    def __post_init__(self) -> None:
        check_secret(self.session_secret)
        public = urlsplit(self.public_url)
        if public.scheme != "https" and (public.scheme, public.hostname in LOOPBACK) != ("http", True):
            raise ValueError(f"LETTERHEAD_PUBLIC_URL: {self.public_url!r} is not an https URL")
        if public.path.strip("/") or public.query or public.fragment:
            raise ValueError(
                f"LETTERHEAD_PUBLIC_URL: {self.public_url!r} has more than a scheme, host and port"
            )

    @property
    def origin(self) -> str:
        """Return the public URL without a trailing slash."""
        return self.public_url.rstrip("/")

    @property
    def secure(self) -> bool:
        """Return whether browsers connect over TLS."""
        return self.public_url.startswith("https:")


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block ends; yield the port it listens on."""
    async with AsyncExitStack() as stack:
        stack.enter_context(metrics_server(settings.console_host, settings.process.metrics_port))
        listener = stack.enter_context(_listening(settings))
        parts = made(settings, await stack.enter_async_context(calls.opened(settings, settings.tls)))
        await stack.enter_async_context(
            serving(Site(composed(settings, parts), listener, _options(settings), _limits(settings)))
        )
        stack.callback(parts.pages.end)
        if settings.secure and not settings.trusted_proxies:
            log.warning(
                "no trusted proxies configured, failed sign-ins are counted by key", action="proxy_untrusted"
            )
        port: int = listener.getsockname()[1]
        log.info("serving", action="server_started", port=port)
        yield port


def made(settings: Config, services: calls.Calls) -> Parts:
    """Create the parts of the application."""
    sessions, assets = Sessions(settings.session_secret, secure=settings.secure), Assets()
    callers, shared = Callers(services), not settings.trusted_proxies
    pages = Pages(services, callers, sessions, assets, public_url=settings.origin, addresses_shared=shared)
    links = Links(services, callers, sessions, addresses_shared=shared)
    return Parts(services, sessions, assets, links, pages, callers)


def composed(settings: Config, parts: Parts) -> Starlette:
    """Create the application from its parts."""
    rate = settings.api_requests_per_second
    return application(parts, public_url=settings.origin, api_requests_per_second=rate)


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
