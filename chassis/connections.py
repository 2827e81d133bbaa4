"""Limits on HTTP connections of untrusted clients: header timeout, read timeout, waiting connections.

A connection is waiting while its client owes the server something: a request, the rest of its headers, or the
rest of the body of a request whose caller is not authenticated. When too many connections wait, the server
closes those that have waited longest, never one that is new. A client that sends a whole request at once is
therefore served, whatever others do from the same address. Between requests, a connection of an authenticated
caller counts towards the total limit but not towards the limit of its address.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any

from prometheus_client import Counter, Gauge
from uvicorn.protocols.http.h11_impl import H11Protocol

OPEN = Gauge("letterhead_http_connections", "Open HTTP connections")
WAITING = Gauge("letterhead_http_connections_waiting", "Open HTTP connections that wait for their client")
CLOSED = Counter(
    "letterhead_http_connections_closed_total", "HTTP connections closed by the server", ["reason"]
)

EXTENSION = "letterhead.connection"
# Between requests. Longer than load balancers (60 s) and clients (a few) keep an idle connection, because a
# request that crosses our closing is lost.
IDLE_FOR = timedelta(seconds=75)
IPV6_SITE = 64  # prefix length; one customer typically gets a whole /64, so it counts as one peer


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on connections; `trusted` proxies may have any number of waiting connections."""

    connections: int = 4000
    waiting: int = 2000
    waiting_of_peer: int = 256
    new_for: timedelta = timedelta(seconds=0.1)  # time to send a request that was written at once
    headers_within: timedelta = timedelta(seconds=10)
    idle_for: timedelta = IDLE_FOR
    read_within: timedelta = timedelta(seconds=30)  # for the client to read a response
    lingering: timedelta = timedelta(
        seconds=2
    )  # between parts of a body that was rejected, for `read_within`
    trusted: tuple[str, ...] = ()
    always: frozenset[str] = frozenset()  # paths that are served even above the connection limit
    headers: Mapping[str, str] = field(default_factory=dict)  # of responses that this module writes itself


def mark_authenticated(scope: MutableMapping[str, Any]) -> None:
    """Mark the caller of this request as authenticated, so that its body may arrive slowly."""
    connection = scope.get("extensions", {}).get(EXTENSION)
    if isinstance(connection, Guarded):
        connection.mark_authenticated()


class Connections:
    """All connections of one server."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: set[Guarded] = set()
        self._waiting: OrderedDict[Guarded, str] = OrderedDict()
        self._of_peer: dict[str, OrderedDict[Guarded, float]] = {}  # with the time since when each waits
        self._trusted = tuple(ip_network(each, strict=False) for each in limits.trusted if each != "*")
        self._all_trusted = "*" in limits.trusted

    @property
    def full(self) -> bool:
        """Return whether there are more open connections than the limit."""
        return len(self._open) > self.limits.connections

    def opened(self, connection: "Guarded") -> None:
        """Register a new connection; above the limit, close the one that has waited longest."""
        self._open.add(connection)
        OPEN.set(len(self._open))
        if self.full and self._waiting:
            next(iter(self._waiting)).close("connections")

    def closed(self, connection: "Guarded") -> None:
        """Unregister a connection."""
        self._open.discard(connection)
        OPEN.set(len(self._open))
        self.goes_on(connection)

    def waits(self, connection: "Guarded", peer: str) -> None:
        """Mark a connection as waiting for its client; if too many wait, close the oldest.

        The event loop accepts hundreds of connections before it reads from the first of them. Those that are
        new are therefore kept until their request could be read.
        """
        if connection in self._waiting:
            return
        now = asyncio.get_running_loop().time()
        self._waiting[connection] = peer = self._site(peer)
        same = self._of_peer.setdefault(peer, OrderedDict())
        same[connection] = now
        WAITING.set(len(self._waiting))
        if peer:
            self._close_oldest(same, self.limits.waiting_of_peer, now, "peer")
        self._close_oldest(self._waiting, self.limits.waiting, now, "waiting")

    def _close_oldest(self, waiting: Mapping["Guarded", object], limit: int, now: float, reason: str) -> None:
        """Close the oldest waiting connections above the limit, except new ones."""
        new = now - self.limits.new_for.total_seconds()
        while len(waiting) > limit:
            oldest = next(iter(waiting))
            if self._of_peer[self._waiting[oldest]][oldest] > new:
                return
            oldest.close(reason)

    def goes_on(self, connection: "Guarded") -> None:
        """Mark a connection as no longer waiting."""
        peer = self._waiting.pop(connection, None)
        if peer is None:
            return
        self._of_peer[peer].pop(connection)
        if not self._of_peer[peer]:
            del self._of_peer[peer]
        WAITING.set(len(self._waiting))

    def _site(self, peer: str) -> str:
        """Return the peer whose connections count together: an IPv4 address or IPv6 /64; "" for a proxy."""
        try:
            address = ip_address(peer)
        except ValueError:  # a Unix socket
            return ""
        if self._all_trusted or any(address in network for network in self._trusted):
            return ""
        return peer if address.version == 4 else str(ip_network((peer, IPV6_SITE), strict=False))


class Guarded(H11Protocol):
    """A uvicorn HTTP/1.1 connection that enforces the limits."""

    def __init__(self, connections: Connections, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._connections = connections
        self._limits = connections.limits
        self._application: Any = self.app
        self.app = self._answer
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._lingers_until = 0.0  # on the event loop's clock
        self._authenticated = False  # the caller of this request is authenticated
        self._known = False  # a caller on this connection was authenticated before

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection and wait for a request."""
        super().connection_made(transport)
        self._connections.opened(self)
        self._update_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection and cancel its timers."""
        self._connections.closed(self)
        for timer in (self._deadline, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received data, and stop waiting if it completed the headers of a request.

        While the rest of a rejected body arrives, the deadline moves: a client that is cut off while it sends
        loses the response (RFC 9112 section 9.6).
        """
        super().data_received(data)
        if self._deadline is not None and self._rejected and self.loop.time() < self._lingers_until:
            self._deadline.cancel()
            self._deadline = None
        self._update_deadline()

    def on_response_complete(self) -> None:
        """Wait for the next request, or briefly for the rest of a body that was rejected."""
        super().on_response_complete()
        self._lingers_until = self.loop.time() + self._limits.read_within.total_seconds()
        if self.transport.is_closing():
            self._end()
        self._update_deadline()

    def timeout_keep_alive_handler(self) -> None:
        """Close a keep-alive connection that stayed idle after a response."""
        self.close("idle")

    def pause_writing(self) -> None:
        """Start the read timeout: the client does not read its response."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._limits.read_within.total_seconds(), self.close, "unread")

    def resume_writing(self) -> None:
        """Cancel the read timeout: the client reads its response again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:
        """Respond to input that is not valid HTTP."""
        CLOSED.labels("malformed").inc()
        self._respond(400, msg)

    def mark_authenticated(self) -> None:
        """Mark the caller of the running request as authenticated."""
        self._authenticated = self._known = True
        self._connections.goes_on(self)

    def close(self, reason: str) -> None:
        """Close the connection; a client that waits for a response receives a 503 or 408 first."""
        CLOSED.labels(reason).inc()
        self._connections.goes_on(self)
        if self._busy and not self.cycle.response_started:
            self._respond(503, "Too many connections.")
        elif not self._busy and self.conn.trailing_data[0]:
            self._respond(408, "The headers took too long to arrive.")
        elif reason == "unread":
            self.transport.abort()
        else:
            self._end()

    @property
    def _busy(self) -> bool:
        return (
            bool(self.cycle) and not self.cycle.response_complete
        )  # `cycle` is None before the first request

    @property
    def _idle(self) -> bool:
        """Return whether a response is complete and nothing of the next request has arrived."""
        return bool(self.cycle) and not self._rejected and not self.conn.trailing_data[0]

    @property
    def _rejected(self) -> bool:
        """Return whether the response was sent before the whole body arrived."""
        return bool(self.cycle) and self.cycle.more_body

    def _update_deadline(self) -> None:
        """Start the deadline if the client owes a request that it began; cancel it if not.

        Between requests, uvicorn's own timer closes an idle connection.
        """
        if self.transport.is_closing():
            return
        if self._busy or self._idle:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
        elif self._deadline is None:
            patience = self._limits.lingering if self._rejected else self._limits.headers_within
            self._deadline = self.loop.call_later(patience.total_seconds(), self.close, "headers")
        if self._busy:
            self._connections.goes_on(self)
        else:
            self._connections.waits(self, "" if self._known else self._peer)

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application; its body counts as waiting until the caller is authenticated."""
        self._authenticated = False
        if self._connections.full and scope["path"] not in self._limits.always:
            self.close("full")
            return
        scope.setdefault("extensions", {})[EXTENSION] = self
        cycle = self.cycle

        async def receiving() -> Any:
            if cycle.more_body and not self._authenticated:
                self._connections.waits(self, self._peer)
            message = await receive()
            if not message.get("more_body"):
                self._connections.goes_on(self)
            return message

        await self._application(scope, receiving, send)

    def _respond(self, status: int, sentence: str) -> None:
        """Send a response without the application, and close."""
        if self._busy:
            self.cycle.disconnected = True  # discard whatever the application still sends
        headers = {
            **self._limits.headers,
            "content-type": "text/plain; charset=utf-8",
            "content-length": str(len(sentence)),
            "connection": "close",
        }
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join([*lines, "", sentence]).encode())
        self._end()

    def _end(self) -> None:
        """Close; abort if the client does not read the rest of its response within the read timeout."""
        self.transport.close()
        if self.transport.get_write_buffer_size() and self._unread is None:
            self._unread = self.loop.call_later(
                self._limits.read_within.total_seconds(), self.transport.abort
            )
