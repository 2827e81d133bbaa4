"""Checks applied to every request and response: host, body size and time, origin, headers, failed attempts.

Pure ASGI, so that streaming responses are not buffered. Authorization is not checked here: the services check
the key.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chassis.config import MEBIBYTE
from chassis.telemetry import get_logger
from services.console.config import LOOPBACK

log = get_logger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

PAGES = ("/app", "/d")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST_FORM = 64 * 1024  # bytes
LARGEST_API_BODY = 48 * MEBIBYTE  # the sender's limit
LONGEST_NUMBER = 20  # digits of a Content-Length
ACCIDENT = "Something went wrong on our side. Try again, or contact the operator."
TOO_LARGE = "The request is too large."
BODY_WITHIN = timedelta(seconds=60)
FORM_WITHIN = timedelta(seconds=15)
FORM = "application/x-www-form-urlencoded"

# Pages load everything from this origin, and only scripts served as files may run.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # `no-referrer` would also remove the Origin header of our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",  # pages show a tenant's private data
}
STRICT_TRANSPORT = "max-age=31536000"


def of_page(path: str) -> bool:
    """Return whether a path belongs to the pages rather than the API."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in PAGES)


class Hardening:
    """Middleware around the application; `reject` creates the response to a rejected request."""

    def __init__(self, app: App, *, public_url: str, reject: Callable[[Request, int, str], Response]) -> None:
        public = urlsplit(public_url)
        self._app = app
        self._reject = reject
        self._hosts = _hosts(public)
        self.headers = headers_for(public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, pass it on with a limited body, and add the security headers to the response."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        answer = Answer(send, self.headers)
        try:
            if error_response := self._rejection(scope):
                return await self._reject(Request(scope), *error_response)(scope, receive, answer)
            return await self._app(scope, _bounded(scope, receive), answer)
        except ClientDisconnect:
            return None  # the client is gone, so there is no one to respond to
        except Exception:
            log.exception("unhandled exception in HTTP request", action="http_failed")
            if not answer.started:
                await self._reject(Request(scope), 500, ACCIDENT)(scope, receive, answer)
        return None

    def _rejection(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if scope["path"] != "/healthz" and headers.get("host", "").lower() not in self._hosts:
            return 421, "This host name is not served here. Use the URL of your Letterhead installation."
        if of_page(scope["path"]) and scope["method"] not in SAFE_METHODS and not self._from_us(headers):
            return 403, "This form was sent from another site. Open the page on this site and try again."
        if of_page(scope["path"]) and scope["method"] not in SAFE_METHODS and not _is_form(headers):
            return 415, f"The content type is not supported. Send the form as {FORM}."
        return None

    def _from_us(self, headers: Headers) -> bool:
        """Return whether one of our pages sent the request; other sites cannot forge these two headers."""
        if site := headers.get("sec-fetch-site"):
            return site == "same-origin"
        origin = headers.get("origin")
        return origin is None or split(origin).netloc.lower() in self._hosts


class Answer:
    """Sends a response and adds the headers that every response has."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


def headers_for(public_url: str) -> dict[str, str]:
    """Return the headers that every response of a console at this URL has."""
    strict = urlsplit(public_url).scheme == "https"
    return HEADERS | ({"strict-transport-security": STRICT_TRANSPORT} if strict else {})


def split(url: str) -> SplitResult:
    """Split a URL that came with a request; return an empty result for an invalid URL."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _is_form(headers: Headers) -> bool:
    """Return whether the content type is that of our forms, or absent."""
    kind = headers.get("content-type", FORM).partition(";")[0]
    return kind.strip().lower() == FORM


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """Return a receive function that enforces the size and time limits of the request's body."""
    headers = Headers(scope=scope)
    if of_page(scope["path"]):
        return Body(receive, headers, LARGEST_FORM, FORM_WITHIN)
    return Body(receive, headers, LARGEST_API_BODY)


def _hosts(public: SplitResult) -> frozenset[str]:
    """Return the accepted Host headers; loopback has several names."""
    host = (public.hostname or "").lower()
    names = LOOPBACK if host in LOOPBACK else {host}
    return frozenset(f"{name}:{public.port}" if public.port else name for name in names)


class Body:
    """Receives a body of at most `largest` bytes within at most `within`."""

    def __init__(
        self, receive: Receive, headers: Headers, largest: int, within: timedelta = BODY_WITHIN
    ) -> None:
        self._receive = receive
        self._left = largest
        declared = headers.get("content-length", "0")
        self._too_large = (
            not declared.isdecimal() or len(declared) > LONGEST_NUMBER or int(declared) > largest
        )
        self._within = within.total_seconds()
        self._until: float | None = None
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:  # the next message is the disconnect, which may take any time
            return await self._receive()
        if self._too_large:
            raise HTTPException(413, TOO_LARGE)
        message = await self._in_time()
        self._whole = not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, TOO_LARGE)
        return message

    async def _in_time(self) -> Message:
        now = time.monotonic()
        if self._until is None:  # the time limit starts with the first read
            self._until = now + self._within
        try:
            async with asyncio.timeout(self._until - now):
                return await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The request took too long to arrive. Send it again.") from None


def within(path: str, *, otherwise: str) -> str:
    """Return a redirect path that came with a request if it leads to one of our pages, else `otherwise`.

    Browsers read a backslash as a slash and drop control characters, so such paths are not accepted.
    """
    plain = path.isprintable() and not any(each in path for each in "\\@:") and "//" not in path
    return path if plain and of_page(split(path).path) else otherwise


class Tries:
    """Limits failed attempts per client, to slow down guessing. Each process counts separately.

    When all clients share a proxy's address, failures are counted per address and attempted secret, so that
    one client cannot lock out the others. This does not help guessing, because keys have 256 random bits.
    """

    def __init__(
        self, *, most: int, within: timedelta, addresses_shared: bool, clients: int = 10_000
    ) -> None:
        self._most = most
        self._addresses_shared = addresses_shared
        self._window = within.total_seconds()
        self._clients = clients
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, request: Request, tried: str) -> timedelta | None:
        """Return how long this client must wait before it may try a secret; None if it may try now."""
        failures = self._recent(self._client(request, tried))
        if len(failures) < self._most:
            return None
        return timedelta(seconds=failures[0] + self._window - time.monotonic())

    def failed(self, request: Request, tried: str) -> None:
        """Record a failed attempt with a secret."""
        client = self._client(request, tried)
        self._failures[client] = [*self._recent(client), time.monotonic()][-self._most :]
        self._failures.move_to_end(client)
        if len(self._failures) > self._clients:
            self._failures.popitem(last=False)

    def _recent(self, client: str) -> list[float]:
        begin = time.monotonic() - self._window
        return [each for each in self._failures.get(client, ()) if each > begin]

    def _client(self, request: Request, tried: str) -> str:
        address = request.client.host if request.client else ""
        secret = tried.encode("utf-8", "replace")
        return address + (hashlib.sha256(secret).hexdigest() if self._addresses_shared else "")
