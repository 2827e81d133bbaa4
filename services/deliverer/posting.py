"""Posts to customers' endpoints, over connections to addresses that were checked as they were opened."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp
import dns.asyncresolver
import dns.exception
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from chassis.destinations import Destinations
from chassis.field_reasons import BadValue
from chassis.time_limits import TimeLimits, time_limits
from services.deliverer.config import Posting
from services.deliverer.model.messages import LONGEST_ANSWER, Answer, Problem, shown
from services.deliverer.model.schedule import pause_in

HEADERS = {
    "content-type": "application/json",
    "user-agent": "Letterhead-Webhooks/1",
    "accept-encoding": "identity",
}
DNS_SECONDS = 5.0
# The status decides; the rest of an answer is only shown, so a slow one is cut off.
ANSWER_SECONDS = 2.0
IDLE_SECONDS = 15.0  # that a connection is kept for the next post
# Endpoints close idle connections, sometimes as the next post is on its way. It then takes another one.
MOST_STALE = 8


@dataclass
class _Request:
    """What is known about a request so far: whether its connection was used before, and the answer's head."""

    reused: bool = False
    answer: Answer | None = None


class NotPublic(OSError):
    """The address of a connection is not allowed."""


class Poster:
    """Posts to URLs that the destinations allow. It follows no redirect and uses no proxy."""

    def __init__(
        self, session: aiohttp.ClientSession, destinations: Destinations, limits: TimeLimits
    ) -> None:
        self._session = session
        self._destinations = destinations
        self._limits = limits

    async def post(self, url: str, headers: Mapping[str, str], payload: bytes) -> Answer:
        """Post a payload and return the answer; a failure is one too, unless the status had arrived."""
        request = _Request()
        try:
            self._destinations.check(url)
            async with self._limits.limited():
                return await self._post(URL(url, encoded=True), headers, payload, request)
        except (aiohttp.ClientError, BadValue, TimeoutError, OSError, ValueError) as error:
            return request.answer or Answer(None, _problem(error))

    async def _post(self, url: URL, headers: Mapping[str, str], payload: bytes, request: _Request) -> Answer:
        """Post, at once again if a connection of earlier posts ends without an answer."""
        for _ in range(MOST_STALE):
            request.reused = False
            try:
                return await self._post_once(url, headers, payload, request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not request.reused:
                    raise
        raise aiohttp.ServerDisconnectedError

    async def _post_once(
        self, url: URL, headers: Mapping[str, str], payload: bytes, request: _Request
    ) -> Answer:
        async with self._session.post(
            url,
            data=payload,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=request,
        ) as response:
            retry_after = pause_in(response.headers.get("retry-after", ""), datetime.now(UTC))
            request.answer = Answer(response.status, retry_after=retry_after)
            return replace(request.answer, text=await _beginning(response))


@asynccontextmanager
async def open_poster(settings: Posting) -> AsyncIterator[Poster]:
    """Open a poster with its own connections and resolver."""
    destinations = settings.destinations

    def checked_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """Open a socket; raise NotPublic for an address that is not allowed.

        Here, the address is the one that is connected to, however the URL spells it and whatever the name
        resolved to before. With several addresses, the next one is tried.
        """
        family, kind, protocol, _, (host, *_) = address
        if not destinations.connection_allowed(str(host)):
            raise NotPublic("the address is not public")
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        limit=0,
        use_dns_cache=False,
        resolver=_Resolver(settings.webhook_nameserver),
        ssl=ssl.create_default_context(cafile=settings.webhook_ca_file),
        keepalive_timeout=IDLE_SECONDS,
        socket_factory=checked_socket,
    )
    async with (
        time_limits(settings.webhook_timeout) as limits,
        aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None),  # `limits` instead
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            auto_decompress=False,
            trust_env=False,
            trace_configs=[_tracing_reuse()],
        ) as session,
    ):
        yield Poster(session, destinations, limits)


def _tracing_reuse() -> aiohttp.TraceConfig:
    """Return the configuration that sets `reused` of a `_Request`."""

    async def reused(_session: aiohttp.ClientSession, context: SimpleNamespace, _parameters: object) -> None:
        context.trace_request_ctx.reused = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(reused)
    return tracing


class _Resolver(AbstractResolver):
    """Resolves absolute names, without threads, search domains and /etc/hosts."""

    def __init__(self, nameserver: str) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=not nameserver)
        if nameserver:
            host, _, port = nameserver.rpartition(":")
            self._resolver.nameservers, self._resolver.port = [host], int(port)
        self._resolver.lifetime = DNS_SECONDS

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            found = await self._resolver.resolve_name(f"{host}.", family, search=False)
        except dns.exception.DNSException as error:
            raise OSError(f"cannot resolve {host}: {error}") from error
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
            )
            for address, family in found.addresses_and_families()
        ]

    async def close(self) -> None:
        """Do nothing: a query opens its own socket."""


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """Return the beginning of the answer. Close the connection if more is to come."""
    found = b""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(found) < LONGEST_ANSWER and (more := await response.content.readany()):
                found += more
    except (aiohttp.ClientError, TimeoutError):
        response.close()
    if not response.content.at_eof():
        response.close()
    return shown(found)


def _problem(error: Exception) -> Problem:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    for kind, problem in _PROBLEMS.items():
        if isinstance(error, kind) or isinstance(cause, kind):
            return problem
    return Problem.CONNECTION


# The most specific first: aiohttp's errors inherit from several of these.
_PROBLEMS: Mapping[type[Exception], Problem] = {
    BadValue: Problem.NOT_PUBLIC,
    NotPublic: Problem.NOT_PUBLIC,
    TimeoutError: Problem.TIMEOUT,
    aiohttp.ClientConnectorDNSError: Problem.NAME_NOT_FOUND,
    aiohttp.ClientSSLError: Problem.TLS,
    ssl.SSLError: Problem.TLS,
    aiohttp.ClientResponseError: Problem.NOT_HTTP,
}
