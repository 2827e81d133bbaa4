"""The sockets of the sandbox's name servers: UDP and TCP for every host, on an address per host."""

import asyncio
import errno
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import cast

from sandbox.dns.packets import Transport

Respond = Callable[[str, bytes, Transport], Awaitable[bytes | None]]

_PORT_TRIES = 50
_IDLE = 10.0  # seconds; the idle timeout of a TCP connection


class _Datagrams(asyncio.DatagramProtocol):
    """One server's UDP socket; each query has its own task, so that a delayed one does not block others."""

    def __init__(self, server: str, respond: Respond, tasks: set[asyncio.Task[None]]) -> None:
        self._server = server
        self._respond = respond
        self._tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = await self._respond(self._server, data, Transport.UDP)
        if answer is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)


class Listeners:
    """The sockets of all hosts."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._tasks: set[asyncio.Task[None]] = set()
        self._datagrams: dict[str, asyncio.DatagramTransport] = {}
        self._streams: dict[str, asyncio.Server] = {}
        self.port = 0

    async def open(self, hosts: dict[str, str], port: int) -> None:
        """Listen on each host's address; port 0 chooses a port that is free on all of them.

        Raise OSError, with the address, if the port is in use.
        """
        for tries_left in reversed(range(_PORT_TRIES if port == 0 else 1)):
            self.port = port or _free_port(next(iter(hosts.values())))
            try:
                await self.add(hosts)
            except OSError as error:
                await self.close()
                if error.errno != errno.EADDRINUSE or not tries_left:
                    raise
            else:
                return

    async def add(self, hosts: dict[str, str]) -> None:
        """Listen on the addresses of hosts that have no sockets yet."""
        loop = asyncio.get_running_loop()
        for host, address in hosts.items():
            if host in self._streams:
                continue
            datagrams, _ = await loop.create_datagram_endpoint(
                lambda host=host: _Datagrams(host, self._respond, self._tasks),  # type: ignore[misc]
                local_addr=(address, self.port),
            )
            self._datagrams[host] = datagrams
            self._streams[host] = await asyncio.start_server(self._stream(host), address, self.port)

    async def close(self) -> None:
        """Close every socket and cancel the queries in progress."""
        for datagrams in self._datagrams.values():
            datagrams.close()
        for stream in self._streams.values():
            stream.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._datagrams.clear()
        self._streams.clear()

    def _stream(self, host: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._serve_connection(host, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            await asyncio.gather(task, return_exceptions=True)

        return serve

    async def _serve_connection(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one query after another (RFC 7766) until the client disconnects or times out."""
        try:
            while True:
                async with asyncio.timeout(_IDLE):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
                answer = await self._respond(host, wire, Transport.TCP)
                if answer is not None:
                    writer.write(struct.pack("!H", len(answer)) + answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
