"""A TCP proxy between a service and a dependency that recognizes requests and injects a fault at a named one.

Services reach it through an address in their settings. It can also delay answers, cut a connection after the
server has received a request, and close idle connections, as servers do.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from cli.server_process import HOST
from tests.chaos.taps import Tap

CHUNK = 65536


class Moment(StrEnum):
    """The moment of a request at which the fault is injected."""

    BEFORE = "before it is forwarded"
    UNANSWERED = "after the server handled it and before the answer"
    ANSWERED = "after the answer"


@dataclass
class Point:
    """A request and moment at which to call `strike` and cut the connection, once."""

    name: str
    moment: Moment
    strike: Callable[[], object]
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    taken: bool = False


class ConnectionCut(Exception):
    """Ends a connection after a strike."""


class Shim:
    """A proxy on one port in front of one server."""

    def __init__(self, upstream: str, tap: Callable[[], Tap], *, seed: int = 0) -> None:
        self.port = 0
        self.seen: dict[str, int] = {}
        self.delay = (0.0, 0.0)  # range of the random delay of each answer, in seconds
        self.idle: float | None = None  # seconds without a request after which a connection is closed
        self._host, _, port = upstream.rpartition(":")
        self._upstream_port = int(port)
        self._tap = tap
        self._point: Point | None = None
        self._chance = random.Random(seed)  # noqa: S311 - not a secret

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Shim"]:
        """Forward connections as long as the context is open."""
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    def arm(self, name: str, moment: Moment, strike: Callable[[], object]) -> Point:
        """Set the point to strike at, replacing any other, and return it; wait on its `struck`."""
        self._point = Point(name, moment, strike)
        return self._point

    def disarm(self) -> None:
        """Remove the point to strike at."""
        self._point = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(self._host, self._upstream_port)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(self, self._tap(), writer, server_writer)
        pumps = [
            asyncio.create_task(connection.ask(reader)),
            asyncio.create_task(connection.answer(server_reader)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for each in (writer, server_writer):
            each.transport.abort()

    def taking(self, name: str, *moments: Moment) -> Point | None:
        """Return the armed point if it is at this request and moment and was not taken yet; take it."""
        point = self._point
        if point and point.name == name and point.moment in moments and not point.taken:
            point.taken = True
            return point
        return None

    async def hold_back(self) -> None:
        """Wait for the random delay of an answer."""
        if any(self.delay):
            await asyncio.sleep(self._chance.uniform(*self.delay))


class _Connection:
    """Both directions of one connection."""

    def __init__(
        self, shim: Shim, tap: Tap, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self._shim = shim
        self._tap = tap
        self._client = client
        self._server = server
        self._awaited: Point | None = None
        # Idle timeout, which runs from the start of the connection and again from each answer.
        self._patience = asyncio.timeout(shim.idle)

    async def ask(self, reader: asyncio.StreamReader) -> None:
        """Forward requests from the client to the server."""
        with suppress(ConnectionError, ConnectionCut, TimeoutError):
            async with self._patience:
                while data := await reader.read(CHUNK):
                    self._patience.reschedule(None)
                    await self._pass_on(data)

    async def _pass_on(self, data: bytes) -> None:
        for piece, name in self._tap.asked(data):
            if name:
                self._named(name)
            self._server.write(piece)
        await self._server.drain()

    def _named(self, name: str) -> None:
        self._shim.seen[name] = self._shim.seen.get(name, 0) + 1
        if point := self._shim.taking(name, Moment.BEFORE):
            _strike(point)
        self._awaited = self._shim.taking(name, Moment.UNANSWERED, Moment.ANSWERED) or self._awaited

    async def answer(self, reader: asyncio.StreamReader) -> None:
        """Forward answers from the server to the client."""
        with suppress(ConnectionError, ConnectionCut):
            while data := await reader.read(CHUNK):
                for piece, done in self._tap.answered(data):
                    await self._answered(piece, done=done)
                await self._client.drain()

    async def _answered(self, piece: bytes, *, done: bool) -> None:
        point = self._awaited if done else None
        if point and point.moment is Moment.UNANSWERED:
            _strike(point)
        if done:
            await self._shim.hold_back()
        self._client.write(piece)
        if done and self._shim.idle:
            self._patience.reschedule(asyncio.get_running_loop().time() + self._shim.idle)
        if point:
            await self._client.drain()
            _strike(point)


def _strike(point: Point) -> None:
    point.strike()
    point.struck.set()
    raise ConnectionCut
