"""Connections of strangers over real sockets: who is closed, who is served, and what each is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from chassis.connections import CLOSED, Limits, vouch
from chassis.web import Site, listen, serving
from tests.waiting import eventually

HOST = "127.0.0.1"
SOON, NEVER = timedelta(seconds=0.2), timedelta(seconds=60)
GET = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n"
UPLOAD = b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345"
LARGE = 64 * 2**20  # bytes: more than sockets hold
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads a body, gives a large answer, or refuses at once, by path."""
    if scope["path"] == "/vouched":
        vouch(scope)
    if scope["method"] == "POST" and scope["path"] != "/refused":
        while (await receive()).get("more_body"):
            pass
    body = b"x" * (LARGE if scope["path"] == "/large" else 2)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


class Server:
    """A server with limits of a test's own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[asyncio.StreamWriter] = []

    async def connect(self, sent: bytes = b"") -> Stream:
        """A connection over which this much was sent."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        self._open.append(writer)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def status(self, path: bytes = b"/") -> int:
        """What a whole request is answered with over a connection of its own."""
        return await status(await self.connect(GET % path))

    def end(self) -> None:
        for writer in self._open:
            writer.close()


async def status(stream: Stream) -> int:
    """The status of the answer that comes; 0: the connection ends without one."""
    async with asyncio.timeout(10):
        line = await stream[0].readline()
    return int(line.split()[1]) if line else 0


async def rest(stream: Stream) -> bytes:
    """All that comes until the connection ends."""
    async with asyncio.timeout(10):
        return await stream[0].read()


@asynccontextmanager
async def a_server(**limits: Any) -> AsyncIterator[Server]:
    listener = listen(HOST, 0)
    given: dict[str, Any] = {"headers": {"x-ours": "yes"}, "headers_within": NEVER}
    chosen = Limits(**given | limits)
    server = Server(listener.getsockname()[1])
    async with serving(Site(app, listener, limits=chosen)):
        try:
            yield server
        finally:
            server.end()


async def test_a_connection_without_a_request_is_closed() -> None:
    async with a_server(headers_within=SOON) as server:
        assert await rest(await server.connect()) == b""


async def test_half_a_request_is_told_that_it_is_late() -> None:
    async with a_server(headers_within=SOON) as server:
        stream = await server.connect(b"GET / HTTP/1.1\r\nhost:")

        said = await rest(stream)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"x-ours: yes" in said


async def test_headers_that_trickle_are_not_waited_for_longer() -> None:
    async with a_server(headers_within=timedelta(seconds=0.5)) as server:
        reader, writer = stream = await server.connect(b"GET / HTTP/1.1\r\n")

        async def trickle() -> None:
            while not reader.at_eof():
                writer.write(b"a: b\r\n")
                await asyncio.sleep(0.05)

        task = asyncio.create_task(trickle())
        assert await status(stream) == 408
        task.cancel()


async def test_half_of_a_second_request_is_no_more() -> None:
    async with a_server(headers_within=SOON) as server:
        stream = await server.connect(GET % b"/" + b"GET / HT")

        said = await rest(stream)

    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in said


async def test_of_a_peers_waiting_connections_the_oldest_is_closed_and_a_request_is_served() -> None:
    async with a_server(waiting_of_peer=3) as server:
        waiting = [await server.connect() for _ in range(3)]

        assert await server.status() == 200
        newest = await server.connect()
        assert await rest(waiting[0]) == b""
        assert [await answered(each) for each in (*waiting[2:], newest)] == [200, 200]


async def answered(stream: Stream) -> int:
    """What a connection that is open is answered with."""
    stream[1].write(GET % b"/")
    return await status(stream)


async def test_of_all_waiting_connections_the_oldest_is_closed() -> None:
    async with a_server(waiting=2) as server:
        waiting = [await server.connect() for _ in range(3)]

        assert await rest(waiting[0]) == b""
        assert await answered(waiting[1]) == 200


async def test_a_body_that_nobody_vouched_for_waits_like_a_request() -> None:
    async with a_server(waiting_of_peer=2) as server:
        slow = await server.connect(UPLOAD % b"/")
        vouched = await server.connect(UPLOAD % b"/vouched")
        for _ in range(4):
            await server.connect(UPLOAD % b"/")

        assert await status(slow) == 503
        vouched[1].write(b"67890")
        assert await status(vouched) == 200


async def test_a_proxy_may_have_any_number_waiting() -> None:
    async with a_server(waiting_of_peer=1, trusted=("127.0.0.0/8",)) as server:
        waiting = [await server.connect() for _ in range(4)]

        assert [await answered(each) for each in waiting] == [200] * 4


async def test_the_rest_of_a_refused_body_is_not_waited_for() -> None:
    async with a_server(lingering=SOON) as server:
        stream = await server.connect(UPLOAD % b"/refused")

        assert (await rest(stream)).startswith(b"HTTP/1.1 200 ")


async def test_whoever_does_not_take_an_answer_is_cut_off() -> None:
    async with a_server(read_within=SOON) as server:
        before = cut_off()
        stream = await server.connect(GET % b"/large")  # of which nothing is read

        await eventually(lambda: cut_off() > before)
        assert len(await rest(stream)) < LARGE


def cut_off() -> float:
    """How many connections were closed because their clients did not read."""
    samples = [sample for metric in CLOSED.collect() for sample in metric.samples]
    return sum(each.value for each in samples if each.labels == {"reason": "unread"})


@pytest.mark.parametrize(
    "sent",
    [b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost\r\n\r\n", b"a" * 100_000,
     b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"],
    ids=lambda sent: repr(sent[:20]),
)  # fmt: skip
async def test_what_is_not_http_is_told_so(sent: bytes) -> None:
    async with a_server() as server:
        said = await rest(await server.connect(sent))

    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"x-ours: yes" in said


async def test_when_there_are_too_many_only_health_is_answered() -> None:
    async with a_server(connections=2, always=frozenset({"/healthz"})) as server:
        uploads = [await server.connect(UPLOAD % b"/vouched") for _ in range(2)]
        assert await server.status() == 503
        assert await server.status(b"/healthz") == 200
        uploads[0][1].write(b"67890")
        assert await status(uploads[0]) == 200


async def test_between_requests_a_known_callers_connection_is_not_its_addresss() -> None:
    async with a_server(waiting_of_peer=1) as server:
        known = await server.connect(GET % b"/vouched")
        assert await status(known) == 200
        await known[0].readuntil(b"xx")
        for _ in range(3):
            await server.connect()

        assert await answered(known) == 200
