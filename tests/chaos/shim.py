"""A TCP shim between a service and what it depends on: it names what passes, and strikes at a named moment.

Services know nothing of it: they are given its address by their settings. It also delays answers, cuts
connections after the server has taken a request, and closes those that idle, as servers do.
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
    """When, in the life of one request, something strikes."""

    BEFORE = "before it is forwarded"
    UNANSWERED = "after the server did it and before the answer"
    ANSWERED = "after the answer"


@dataclass
class Point:
    """A named moment, waited for once; `strike` runs there, and the connection is cut."""

    name: str
    moment: Moment
    strike: Callable[[], object]
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    taken: bool = False


class Struck(Exception):
    """The connection ends here."""


class Shim:
    """One port in front of one server."""

    def __init__(self, upstream: str, tap: Callable[[], Tap], *, seed: int = 0) -> None:
        self.port = 0
        self.seen: dict[str, int] = {}
        self.delay = (0.0, 0.0)  # seconds that each answer is held back, drawn between these
        self.idle: float | None = None  # seconds after which a connection is closed that nothing is asked on
        self._host, _, port = upstream.rpartition(":")
        self._upstream_port = int(port)
        self._tap = tap
        self._point: Point | None = None
        self._chance = random.Random(seed)  # noqa: S311 - chance, no secret

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Shim"]:
        """Forwards while the block runs."""
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    def arm(self, name: str, moment: Moment, strike: Callable[[], object]) -> Point:
        """Sets the one point that is waited for; gives it, to wait on `struck`."""
        self._point = Point(name, moment, strike)
        return self._point

    def disarm(self) -> None:
        """Waits for nothing any more."""
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
        """The point, if it is this one and nobody has taken it."""
        point = self._point
        if point and point.name == name and point.moment in moments and not point.taken:
            point.taken = True
            return point
        return None

    async def hold_back(self) -> None:
        """Waits as long as an answer is to be late."""
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
        # With a client that asks nothing: from the connection's begin, and from each answer on.
        self._patience = asyncio.timeout(shim.idle)

    async def ask(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError, Struck, TimeoutError):
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
        with suppress(ConnectionError, Struck):
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
    raise Struck
