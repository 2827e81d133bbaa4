"""The console service: everything it is made of, and how it is put together."""

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

CONNECTIONS = 4000  # at once; an open live page is one of them


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the console service."""

    process: config.Process
    tls: config.Tls
    console_port: int = setting(8080, help="port of pages and API; 0 takes any", minimum=0, maximum=65535)
    console_host: str = setting("0.0.0.0", help="address that pages and API bind")  # noqa: S104 - pods are reached from outside
    public_url: str = setting(
        help="where browsers and SDKs reach it, e.g. https://letterhead.example.com; http on loopback only"
    )
    session_secret: Secret = setting(
        help="file with the secret that sign-in cookies are encrypted by, 32 characters or more; of several,"
        " one a line, the first encrypts and all are read"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        help="addresses or networks whose X-Forwarded-For and -Proto are believed; none: failed sign-ins"
        " count by the key that was tried, not by address",
    )
    api_requests_per_second: int = setting(
        50, help="requests a second that one key may make at the API, of each replica", minimum=1
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
            raise ValueError(f"LETTERHEAD_PUBLIC_URL: {self.public_url!r} has more than a host and a port")

    @property
    def origin(self) -> str:
        """The public URL, without a slash at its end."""
        return self.public_url.rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.public_url.startswith("https:")


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service while the block does; gives the port it listens on."""
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
                "no proxy is trusted: failed sign-ins count by key, not by address", action="proxy_untrusted"
            )
        port: int = listener.getsockname()[1]
        log.info("serving", action="server_started", port=port)
        yield port


def made(settings: Config, services: calls.Calls) -> Parts:
    """Make all that the application is made of."""
    sessions, assets = Sessions(settings.session_secret, secure=settings.secure), Assets()
    callers, shared = Callers(services), not settings.trusted_proxies
    pages = Pages(services, callers, sessions, assets, public_url=settings.origin, addresses_shared=shared)
    links = Links(services, callers, sessions, addresses_shared=shared)
    return Parts(services, sessions, assets, links, pages, callers)


def composed(settings: Config, parts: Parts) -> Starlette:
    """Make the application."""
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
    """Give uvicorn's options: whose word on clients' addresses counts."""
    return {
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "timeout_graceful_shutdown": int(settings.process.drain.total_seconds()),
        "server_header": False,
    }


if __name__ == "__main__":
    server.main(running, Config)
