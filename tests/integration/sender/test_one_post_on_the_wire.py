"""The SES client over real connections: whatever fails, at most one request, and never a false certainty."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from chassis.regions import AwsRegion
from services.sender.model.posting import Accepted, Answer, Lost, Post, Rejected, Then
from services.sender.ses import PAUSED, QUOTA, RATE, SETUP, UNREACHED, Ses
from tests.factories import ACCOUNT, REGION

POST = Post(
    sender="agent@inbox.mnexa.ai",
    to=["reader@example.com"],
    cc=[],
    bcc=[],
    tags={"lh-email": "1"},
    content=b"From: agent@inbox.mnexa.ai\r\n\r\nGood day.\r\n" * 100,
)
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Wire:
    """A raw TCP server that counts what it receives."""

    handle: Handle
    connections: int = 0
    requests: int = 0
    port: int = 0
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Wire"]:
        """Serve as long as the context is open."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.append(writer)
        try:
            await self.handle(Counting(reader, self), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def post(self, scheme: str = "http", **settings: timedelta) -> Answer:
        """Post once to this server."""
        ses = client(f"{scheme}://127.0.0.1:{self.port}", **settings)
        try:
            return await asyncio.to_thread(ses.post, POST)
        finally:
            ses.close()


class Counting(asyncio.StreamReader):
    """Reads requests and counts those whose headers arrived."""

    def __init__(self, reader: asyncio.StreamReader, wire: Wire) -> None:
        super().__init__()
        self._inner = reader
        self._wire = wire

    async def head(self) -> bytes:
        """Read the headers of a request and count it."""
        head = await self._inner.readuntil(b"\r\n\r\n")
        self._wire.requests += 1
        return head

    async def request(self) -> None:
        """Read a whole request."""
        head = await self.head()
        [length] = [
            line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        await self._inner.readexactly(int(length))


def client(url: str, **settings: timedelta) -> Ses:
    aws = AwsRegion(account=ACCOUNT, region=REGION, endpoint_url=url)
    return Ses(aws, configuration_set="letterhead", threads=4, **settings)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")


def answering(status: str, body: bytes, *, cut: int | None = None) -> Handle:
    """Return a handler that answers every request; with `cut`, it sends only that many bytes and closes."""
    whole = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, Counting)
        while True:
            await reader.request()
            writer.write(whole if cut is None else whole[:cut])
            await writer.drain()
            if cut is not None:
                return

    return handle


def saying(error: str, status: str, message: str = "no") -> Handle:
    return answering(status, b'{"__type": "%s", "message": "%s"}' % (error.encode(), message.encode()))


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close the connection at once."""


async def hang_up_after_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert isinstance(reader, Counting)
    await reader.head()


async def hang_up_after_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert isinstance(reader, Counting)
    await reader.request()


async def reset_after_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert isinstance(reader, Counting)
    await reader.request()
    writer.transport.abort()


async def speak_gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert isinstance(reader, Counting)
    await reader.request()
    writer.write(b"\x00\x01gibberish\r\n\r\n")
    await writer.drain()


GOOD = b'{"MessageId": "0100-1"}'
LOST: dict[str, Handle] = {
    "hang up at once": hang_up,
    "hang up after headers": hang_up_after_headers,
    "hang up after body": hang_up_after_body,
    "reset after body": reset_after_body,
    "gibberish": speak_gibberish,
    "half a status line": answering("200 OK", GOOD, cut=8),
    "half the headers": answering("200 OK", GOOD, cut=40),
    "half the body": answering("200 OK", GOOD, cut=90),
    "no body": answering("200 OK", b""),
    "no id": answering("200 OK", b"{}"),
    "not JSON": answering("200 OK", b"<html>"),
    "500": saying("InternalFailure", "500 Internal Server Error"),
    "500 with the name of a rejection": saying("MessageRejected", "500 Internal Server Error"),
    "502 of a proxy": answering("502 Bad Gateway", b"<html>"),
    "503": saying("ServiceUnavailable", "503 Service Unavailable"),
    "504": answering("504 Gateway Timeout", b""),
    "an unknown error": saying("NovelException", "400 Bad Request"),
    "a redirect": answering("301 Moved", b""),
}


@pytest.mark.parametrize("handle", LOST.values(), ids=LOST)
async def test_an_unclear_answer_counts_as_lost_after_one_request(handle: Handle) -> None:
    async with Wire(handle).serving() as wire:
        answer = await wire.post()

    assert isinstance(answer, Lost), answer
    assert (wire.connections, wire.requests) in {(1, 1), (1, 0)}


REFUSED: dict[str, tuple[Handle, Rejected]] = {
    "rate": (saying("TooManyRequestsException", "429 Too Many", "Maximum sending rate exceeded."), RATE),
    "quota": (saying("TooManyRequestsException", "429 Too Many", "Daily message quota exceeded."), QUOTA),
    "paused": (saying("SendingPausedException", "400 Bad Request"), PAUSED),
    "rights": (saying("AccessDeniedException", "403 Forbidden"), SETUP),
}


@pytest.mark.parametrize(("handle", "meaning"), REFUSED.values(), ids=REFUSED)
async def test_a_known_error_of_ses_is_certain(handle: Handle, meaning: Rejected) -> None:
    async with Wire(handle).serving() as wire:
        answer = await wire.post()

    assert isinstance(answer, Rejected)
    assert (answer.then, answer.reason) == (meaning.then, meaning.reason)
    assert wire.requests == 1


async def test_a_message_id_means_accepted() -> None:
    async with Wire(answering("200 OK", GOOD)).serving() as wire:
        assert await wire.post() == Accepted("0100-1")


async def test_a_failed_connection_is_certain_to_have_sent_nothing() -> None:
    async with Wire(hang_up).serving() as wire:
        port, no_tls = wire.port, await wire.post("https")
    refused = await asyncio.to_thread(client(f"http://127.0.0.1:{port}").post, POST)
    unnamed = await asyncio.to_thread(client("http://nowhere.invalid").post, POST)

    for answer in (no_tls, refused, unnamed):
        assert isinstance(answer, Rejected), answer
        assert (answer.then, answer.reason, answer.everyone) == (Then.RETRY, UNREACHED.reason, True)


async def test_without_credentials_nothing_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")

    async with Wire(answering("200 OK", GOOD)).serving() as wire:
        answer = await wire.post()

    assert isinstance(answer, Rejected)
    assert (answer.reason, wire.connections) == (SETUP.reason, 0)


async def test_a_connection_is_reused_and_closed_once_it_was_idle() -> None:
    async with Wire(answering("200 OK", GOOD)).serving() as wire:
        url = f"http://127.0.0.1:{wire.port}"
        reusing, retired = client(url), client(url, max_idle=timedelta(0))
        for _ in range(3):
            await asyncio.to_thread(reusing.post, POST)
        assert wire.connections == 1
        for _ in range(3):
            await asyncio.to_thread(retired.post, POST)
        assert wire.connections == 4
        reusing.close()
        retired.close()


async def test_no_answer_is_lost_to_a_server_that_closes_idle_connections() -> None:
    """The server closes connections that were idle for 50 ms, and each post comes at about that time."""
    idle = timedelta(milliseconds=50)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, Counting)
        while True:
            try:
                await asyncio.wait_for(reader.request(), idle.total_seconds())
            except TimeoutError:
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD)

    async with Wire(handle).serving() as wire:
        ses = client(f"http://127.0.0.1:{wire.port}", max_idle=idle / 2)
        answers = []
        for number in range(60):
            answers.append(await asyncio.to_thread(ses.post, POST))
            await asyncio.sleep(idle.total_seconds() * (0.9 + number % 20 / 100))
        ses.close()

    assert answers == [Accepted("0100-1")] * 60
    assert wire.requests == 60
