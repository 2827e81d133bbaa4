"""Limits on HTTP connections, over real sockets: which are closed, which are served, and the responses."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from chassis.connections import CLOSED, Limits, mark_authenticated
from chassis.web import Site, listen, serving
from tests.waiting import eventually

HOST = "127.0.0.1"
SOON, NEVER = timedelta(seconds=0.2), timedelta(seconds=60)
GET = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n"
UPLOAD = b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345"
LARGE = 64 * 2**20  # bytes: more than sockets hold
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, send a large response, or respond without reading the body, depending on the path."""
    if scope["path"] == "/authenticated":
        mark_authenticated(scope)
    if scope["method"] == "POST" and scope["path"] != "/refused":
        while (await receive()).get("more_body"):
            pass
    body = b"x" * (LARGE if scope["path"] == "/large" else 2)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


class Server:
    """Client of a test server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open: list[asyncio.StreamWriter] = []

    async def connect(self, sent: bytes = b"") -> Stream:
        """Open a connection and send some bytes."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        self._open.append(writer)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def status(self, path: bytes = b"/") -> int:
        """Return the status of a complete request on a new connection."""
        return await status(await self.connect(GET % path))

    def end(self) -> None:
        for writer in self._open:
            writer.close()


async def status(stream: Stream) -> int:
    """Return the status of the response; 0 if the connection ends without one."""
    async with asyncio.timeout(10):
        line = await stream[0].readline()
    return int(line.split()[1]) if line else 0


async def rest(stream: Stream) -> bytes:
    """Return everything received until the connection ends."""
    async with asyncio.timeout(10):
        return await stream[0].read()


@asynccontextmanager
async def a_server(**limits: Any) -> AsyncIterator[Server]:
    listener = listen(HOST, 0)
    given: dict[str, Any] = {
        "headers": {"x-ours": "yes"},
        "headers_within": NEVER,
        "new_for": timedelta(0),
    }
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


async def test_an_incomplete_request_gets_a_408() -> None:
    async with a_server(headers_within=SOON) as server:
        stream = await server.connect(b"GET / HTTP/1.1\r\nhost:")

        received = await rest(stream)

    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"x-ours: yes" in received


async def test_headers_that_trickle_in_do_not_extend_the_timeout() -> None:
    async with a_server(headers_within=timedelta(seconds=0.5)) as server:
        reader, writer = stream = await server.connect(b"GET / HTTP/1.1\r\n")

        async def trickle() -> None:
            while not reader.at_eof():
                writer.write(b"a: b\r\n")
                await asyncio.sleep(0.05)

        task = asyncio.create_task(trickle())
        assert await status(stream) == 408
        task.cancel()


async def test_an_incomplete_second_request_gets_a_408() -> None:
    async with a_server(headers_within=SOON) as server:
        stream = await server.connect(GET % b"/" + b"GET / HT")

        received = await rest(stream)

    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in received


async def test_a_connection_between_requests_outlives_the_time_for_headers() -> None:
    async with a_server(headers_within=SOON, idle_for=NEVER) as server:
        idle = await server.connect(GET % b"/")
        await idle[0].readuntil(b"\r\n\r\nxx")
        await rest(await server.connect())  # a younger connection, whose time for headers is over

        idle[1].write(GET % b"/")
        again = await status(idle)

    assert again == 200


async def test_a_connection_that_stays_idle_is_closed() -> None:
    async with a_server(idle_for=timedelta(seconds=1)) as server:
        received = await rest(await server.connect(GET % b"/"))

    assert received.startswith(b"HTTP/1.1 200 ")


async def test_above_the_limit_of_a_peer_its_oldest_waiting_connection_is_closed() -> None:
    async with a_server(waiting_of_peer=3) as server:
        waiting = [await server.connect() for _ in range(3)]

        assert await server.status() == 200
        newest = await server.connect()
        assert await rest(waiting[0]) == b""
        assert [await answered(each) for each in (*waiting[2:], newest)] == [200, 200]


async def answered(stream: Stream) -> int:
    """Return the status of a complete request on an open connection."""
    stream[1].write(GET % b"/")
    return await status(stream)


async def test_above_the_total_limit_the_oldest_waiting_connection_is_closed() -> None:
    async with a_server(waiting=2) as server:
        waiting = [await server.connect() for _ in range(3)]

        assert await rest(waiting[0]) == b""
        assert await answered(waiting[1]) == 200


async def test_a_request_sent_at_once_is_served_before_a_crowd_that_arrives_with_it() -> None:
    async with a_server(waiting_of_peer=3, new_for=NEVER) as server:
        with ExitStack() as crowd:  # all of them connect before the server accepts the first
            first = crowd.enter_context(socket.create_connection((HOST, server.port)))
            first.sendall(GET % b"/")
            for _ in range(30):
                crowd.enter_context(socket.create_connection((HOST, server.port)))

            stream = await asyncio.open_connection(sock=first.dup())
            assert await status(stream) == 200
            stream[1].close()


async def test_the_body_of_an_unauthenticated_caller_counts_as_waiting() -> None:
    async with a_server(waiting_of_peer=2) as server:
        slow = await server.connect(UPLOAD % b"/")
        authenticated = await server.connect(UPLOAD % b"/authenticated")
        for _ in range(4):
            await server.connect(UPLOAD % b"/")

        assert await status(slow) == 503
        authenticated[1].write(b"67890")
        assert await status(authenticated) == 200


async def test_a_trusted_proxy_may_have_any_number_of_waiting_connections() -> None:
    async with a_server(waiting_of_peer=1, trusted=("127.0.0.0/8",)) as server:
        waiting = [await server.connect() for _ in range(4)]

        assert [await answered(each) for each in waiting] == [200] * 4


async def test_the_rest_of_a_rejected_body_is_not_awaited() -> None:
    async with a_server(lingering=SOON) as server:
        stream = await server.connect(UPLOAD % b"/refused")

        assert (await rest(stream)).startswith(b"HTTP/1.1 200 ")


async def test_a_client_may_send_the_rest_of_a_rejected_body_and_read_the_response_then() -> None:
    async with a_server(lingering=SOON) as server:
        stream = await server.connect(b"POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n")
        for _ in range(50):  # three times as long as `lingering`
            stream[1].write(b"x" * 50)
            await asyncio.sleep(0.012)

        assert await status(stream) == 200


async def test_a_rejected_body_that_never_ends_is_cut_off() -> None:
    async with a_server(lingering=SOON, read_within=timedelta(seconds=0.5)) as server:
        reader, writer = await server.connect(UPLOAD.replace(b"10", b"9999999") % b"/refused")

        async def trickle() -> None:
            while not reader.at_eof():
                writer.write(b"x")
                await asyncio.sleep(0.02)

        task = asyncio.create_task(trickle())
        assert b" 200 " in await rest((reader, writer))
        task.cancel()


async def test_a_client_that_does_not_read_its_response_is_disconnected() -> None:
    async with a_server(read_within=SOON) as server:
        before = unread()
        stream = await server.connect(GET % b"/large")  # and read nothing of the response

        await eventually(lambda: unread() > before)
        assert len(await rest(stream)) < LARGE


def unread() -> float:
    """Return how many connections were closed because their clients did not read."""
    samples = [sample for metric in CLOSED.collect() for sample in metric.samples]
    return sum(each.value for each in samples if each.labels == {"reason": "unread"})


@pytest.mark.parametrize(
    "sent",
    [b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost\r\n\r\n", b"a" * 100_000,
     b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"],
    ids=lambda sent: repr(sent[:20]),
)  # fmt: skip
async def test_invalid_http_gets_a_400(sent: bytes) -> None:
    async with a_server() as server:
        received = await rest(await server.connect(sent))

    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"x-ours: yes" in received


async def test_above_the_connection_limit_only_health_is_served() -> None:
    async with a_server(connections=2, always=frozenset({"/healthz"})) as server:
        uploads = [await server.connect(UPLOAD % b"/authenticated") for _ in range(2)]
        assert await server.status() == 503
        assert await server.status(b"/healthz") == 200
        uploads[0][1].write(b"67890")
        assert await status(uploads[0]) == 200


async def test_an_idle_connection_of_an_authenticated_caller_does_not_count_for_its_address() -> None:
    async with a_server(waiting_of_peer=1) as server:
        known = await server.connect(GET % b"/authenticated")
        assert await status(known) == 200
        await known[0].readuntil(b"xx")
        for _ in range(3):
            await server.connect()

        assert await answered(known) == 200
