"""The HTTPS server of the receiver. It writes its answers itself: HTTP libraries refuse to be hostile."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from sandbox.clock import Clock
from sandbox.receiver.store import Behavior, Manner, Post, Receiver

LARGEST_BODY = 1024 * 1024
_CHUNK = b"x" * 65_536


@asynccontextmanager
async def receiving_posts(
    receiver: Receiver, clock: Clock, *, host: str, port: int, certificate: Path, key: Path
) -> AsyncIterator[int]:
    """Serve while the block runs; yield the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    serve = partial(_serve, receiver, clock)
    server = await asyncio.start_server(serve, host, port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _serve(
    receiver: Receiver, clock: Clock, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer the requests of one connection until a client or a manner ends it."""
    receiver.connections += 1
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        while post := await _read(reader, clock):
            behavior = receiver.received(post)
            await asyncio.sleep(behavior.delay_seconds)
            if not await _answer(behavior, reader, writer):
                break
    writer.close()


async def _read(reader: asyncio.StreamReader, clock: Clock) -> Post | None:
    """Read a request; None if the client closed the connection instead."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = line.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    length = min(int(headers.get("content-length", "0")), LARGEST_BODY)
    body = await reader.readexactly(length)
    return Post(clock.now(), method, path, headers, body.decode("utf-8", "replace"))


async def _answer(behavior: Behavior, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer in the manner of the behavior; return whether the connection stays open."""
    if behavior.manner is Manner.ANSWER:
        await _send(writer, _head(behavior, len(behavior.body.encode())) + behavior.body.encode())
        return True
    if behavior.manner is Manner.HANG:
        await reader.read()  # until the client closes the connection
    else:
        await _misbehave(behavior, writer)
    return False


async def _misbehave(behavior: Behavior, writer: asyncio.StreamWriter) -> None:
    """Send what the manner says; nothing to close the connection at once."""
    match behavior.manner:
        case Manner.TRICKLE:
            await _slowly(writer, _head(behavior, 0))
        case Manner.SLOW_BODY:
            await _send(writer, _head(behavior, 3600))
            await _slowly(writer, b"x" * 3600)
        case Manner.ENDLESS:
            await _send(writer, _head(behavior, 10**12))
            await _endlessly(writer, _CHUNK)
        case Manner.BOMB:
            await _send(writer, b"HTTP/1.1 200 OK\r\n")
            await _endlessly(writer, b"x-more: " + b"x" * 1000 + b"\r\n")
        case Manner.GARBAGE:
            await _send(writer, b"\x00\xff not HTTP \r\n\r\n")


def _head(behavior: Behavior, length: int) -> bytes:
    lines = [f"HTTP/1.1 {behavior.status} -", f"content-length: {length}", *behavior.headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _send(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(content)
    await writer.drain()


async def _slowly(writer: asyncio.StreamWriter, content: bytes) -> None:
    for octet in content:
        await _send(writer, bytes([octet]))
        await asyncio.sleep(1)


async def _endlessly(writer: asyncio.StreamWriter, content: bytes) -> None:
    while True:
        await _send(writer, content)
