"""HTTP connections of strangers, within limits: time for headers, for reading an answer, and how many wait.

A connection waits while its client owes us something: a request, the rest of its headers, or the rest of a
body that nobody has vouched for. Where too many wait, the one that has waited longest is closed, never the
newest: whoever sends a whole request at once is served, whatever others do from the same address. Between
requests, a connection of a known caller counts against the limit of all and not against its address's.
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

OPEN = Gauge("letterhead_http_connections", "HTTP connections that are open")
WAITING = Gauge("letterhead_http_connections_waiting", "Those of them that wait for their client")
CLOSED = Counter("letterhead_http_connections_closed_total", "HTTP connections closed by us", ["reason"])

EXTENSION = "letterhead.connection"
IPV6_SITE = 64  # bits; one customer has as many addresses below as he likes


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What connections may take; proxies, which are `trusted`, may have any number waiting."""

    connections: int = 4000
    waiting: int = 2000
    waiting_of_peer: int = 256
    headers_within: timedelta = timedelta(seconds=10)
    read_within: timedelta = timedelta(seconds=30)  # an answer that the client does not take
    lingering: timedelta = timedelta(seconds=2)  # the rest of a body that was refused
    trusted: tuple[str, ...] = ()
    always: frozenset[str] = frozenset()  # paths that are answered when there are too many connections
    headers: Mapping[str, str] = field(default_factory=dict)  # of answers from here


def vouch(scope: MutableMapping[str, Any]) -> None:
    """Note that the caller of this request is known, so that its body may take its time."""
    connection = scope.get("extensions", {}).get(EXTENSION)
    if isinstance(connection, Guarded):
        connection.vouched()


class Connections:
    """All connections of one server."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: set[Guarded] = set()
        self._waiting: OrderedDict[Guarded, str] = OrderedDict()
        self._of_peer: dict[str, OrderedDict[Guarded, None]] = {}
        self._trusted = tuple(ip_network(each, strict=False) for each in limits.trusted if each != "*")
        self._all_trusted = "*" in limits.trusted

    @property
    def full(self) -> bool:
        """Whether there are more connections than there may be."""
        return len(self._open) > self.limits.connections

    def opened(self, connection: "Guarded") -> None:
        """Note a new connection, and make room for it."""
        self._open.add(connection)
        OPEN.set(len(self._open))
        if self.full and self._waiting:
            next(iter(self._waiting)).close("connections")

    def closed(self, connection: "Guarded") -> None:
        """Forget a connection."""
        self._open.discard(connection)
        OPEN.set(len(self._open))
        self.goes_on(connection)

    def waits(self, connection: "Guarded", peer: str) -> None:
        """Note that a connection waits for its client, and close the oldest where too many do."""
        if connection in self._waiting:
            return
        self._waiting[connection] = peer = self._site(peer)
        same = self._of_peer.setdefault(peer, OrderedDict())
        same[connection] = None
        WAITING.set(len(self._waiting))
        if peer and len(same) > self.limits.waiting_of_peer:
            next(iter(same)).close("peer")
        elif len(self._waiting) > self.limits.waiting:
            next(iter(self._waiting)).close("waiting")

    def goes_on(self, connection: "Guarded") -> None:
        """Note that a connection waits no more."""
        peer = self._waiting.pop(connection, None)
        if peer is None:
            return
        self._of_peer[peer].pop(connection)
        if not self._of_peer[peer]:
            del self._of_peer[peer]
        WAITING.set(len(self._waiting))

    def _site(self, peer: str) -> str:
        """Return whose connections count together; empty: a proxy's, which count for nobody."""
        try:
            address = ip_address(peer)
        except ValueError:  # a Unix socket
            return ""
        if self._all_trusted or any(address in network for network in self._trusted):
            return ""
        return peer if address.version == 4 else str(ip_network((peer, IPV6_SITE), strict=False))


class Guarded(H11Protocol):
    """A connection of uvicorn's that keeps to the limits."""

    def __init__(self, connections: Connections, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._connections = connections
        self._limits = connections.limits
        self._application: Any = self.app
        self.app = self._answer
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._vouched = False  # for the caller of this request
        self._known = False  # a caller over this connection was vouched for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._connections.opened(self)
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._connections.closed(self)
        for timer in (self._deadline, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and see whether it was all of a request's headers."""
        super().data_received(data)
        self._settle()

    def on_response_complete(self) -> None:
        """Wait for the next request, or a moment for the end of a body that was refused."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._end()
        self._settle()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection over which nothing came after an answer."""
        self.close("idle")

    def pause_writing(self) -> None:
        """Give the client so long to take what it asked for."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._limits.read_within.total_seconds(), self.close, "unread")

    def resume_writing(self) -> None:
        """Note that the client takes its answer."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        CLOSED.labels("malformed").inc()
        self._say(400, msg)

    def vouched(self) -> None:
        """Note that the caller of the running request is known."""
        self._vouched = self._known = True
        self._connections.goes_on(self)

    def close(self, reason: str) -> None:
        """Close the connection; a client that waits for an answer is told so."""
        CLOSED.labels(reason).inc()
        self._connections.goes_on(self)
        if self._busy and not self.cycle.response_started:
            self._say(503, "Too many connections.")
        elif not self._busy and self.conn.trailing_data[0]:
            self._say(408, "The headers took too long to arrive.")
        elif reason == "unread":
            self.transport.abort()
        else:
            self._end()

    @property
    def _busy(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete  # uvicorn begins without one

    def _settle(self) -> None:
        """Wait for the client with a deadline, or no more."""
        if self.transport.is_closing():
            return
        if self._busy:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
                self._connections.goes_on(self)
        elif self._deadline is None:
            refused = bool(self.cycle) and self.cycle.more_body
            patience = self._limits.lingering if refused else self._limits.headers_within
            self._deadline = self.loop.call_later(patience.total_seconds(), self.close, "headers")
            self._connections.waits(self, "" if self._known else self._peer)

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Be the application: have the body counted as waited for until somebody vouches for it."""
        self._vouched = False
        if self._connections.full and scope["path"] not in self._limits.always:
            self.close("full")
            return
        scope.setdefault("extensions", {})[EXTENSION] = self
        cycle = self.cycle

        async def receiving() -> Any:
            if cycle.more_body and not self._vouched:
                self._connections.waits(self, self._peer)
            message = await receive()
            if not message.get("more_body"):
                self._connections.goes_on(self)
            return message

        await self._application(scope, receiving, send)

    def _say(self, status: int, sentence: str) -> None:
        """Answer without the application, and close."""
        if self._busy:
            self.cycle.disconnected = True  # nothing that the application says goes out after this
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
        """Close, without waiting for long until the client has taken what was written."""
        self.transport.close()
        if self.transport.get_write_buffer_size() and self._unread is None:
            self._unread = self.loop.call_later(
                self._limits.read_within.total_seconds(), self.transport.abort
            )
