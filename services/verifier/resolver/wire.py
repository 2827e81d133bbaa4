"""One DNS query to one address: UDP first, then TCP when the response is truncated."""

import asyncio
import struct
from dataclasses import dataclass
from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode

from services.verifier.model.records import Outcome

UDP_PAYLOAD = 1232  # octets that avoid fragmentation, as recommended by DNS Flag Day 2020
_WITHOUT_EDNS = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})


class NoAnswerError(Exception):
    """A server gave no usable response; `outcome` is the kind of failure."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


@dataclass(slots=True)
class Budget:
    """The limits of one DNS check: a `deadline` on the event loop's clock, and a number of queries."""

    deadline: float
    queries: int

    def spend(self) -> float:
        """Take one query from the budget and return the seconds left; raise NoAnswerError if it is spent."""
        left = self.deadline - asyncio.get_running_loop().time()
        self.queries -= 1
        if left <= 0 or self.queries < 0:
            raise NoAnswerError(Outcome.TIMEOUT)
        return left


@lru_cache(maxsize=8192)
def absolute(name: str) -> dns.name.Name:
    """Return a name without a trailing dot as an absolute dnspython name."""
    return dns.name.from_text(name)


class Wire:
    """Sends queries to name servers; `timeout` is seconds per attempt, `concurrency` limits the process."""

    def __init__(self, *, port: int, timeout: float, tries: int, concurrency: int = 256) -> None:
        self._port = port
        self._timeout = timeout
        self._tries = tries
        self._gate = asyncio.Semaphore(concurrency)

    async def ask(self, address: str, name: str, type_: str, budget: Budget) -> dns.message.Message:
        """Return the server's response to a non-recursive query. Raise NoAnswerError without a usable one."""
        query = dns.message.make_query(absolute(name), type_, flags=0, payload=UDP_PAYLOAD)
        reply = await self._ask(address, query, budget)
        if reply.rcode() in _WITHOUT_EDNS:  # the server does not support EDNS
            query = dns.message.make_query(absolute(name), type_, flags=0, use_edns=False)
            reply = await self._ask(address, query, budget)
        return reply

    async def _ask(self, address: str, query: dns.message.Message, budget: Budget) -> dns.message.Message:
        outcome = Outcome.TIMEOUT
        for _ in range(self._tries):
            async with self._gate:
                try:
                    return await self._once(address, query, budget)
                except NoAnswerError as error:
                    outcome = error.outcome
                except (OSError, EOFError):  # the port or the TCP connection was closed
                    outcome = Outcome.TIMEOUT
        raise NoAnswerError(outcome)

    async def _once(self, address: str, query: dns.message.Message, budget: Budget) -> dns.message.Message:
        reply = await self._over_udp(address, query, min(self._timeout, budget.spend()))
        if reply.flags & dns.flags.TC:
            async with asyncio.timeout(min(self._timeout, budget.spend())):
                return await self._over_tcp(address, query)
        return reply

    async def _over_udp(
        self, address: str, query: dns.message.Message, seconds: float
    ) -> dns.message.Message:
        """Query from a new socket: an attacker has to guess its random port and the query id."""
        loop = asyncio.get_running_loop()
        listener = _Listener(query, loop.create_future())
        transport, _ = await loop.create_datagram_endpoint(
            lambda: listener, remote_addr=(address, self._port)
        )
        try:
            transport.sendto(query.to_wire())
            async with asyncio.timeout(seconds):
                return await listener.reply
        except TimeoutError:
            raise NoAnswerError(Outcome.MALFORMED if listener.malformed else Outcome.TIMEOUT) from None
        finally:
            transport.close()

    async def _over_tcp(self, address: str, query: dns.message.Message) -> dns.message.Message:
        wire = query.to_wire()
        reader, writer = await asyncio.open_connection(address, self._port)
        try:
            writer.write(struct.pack("!H", len(wire)) + wire)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = _parsed(query, await reader.readexactly(length))
        finally:
            writer.close()
        if reply is None or reply.flags & dns.flags.TC:
            raise NoAnswerError(Outcome.MALFORMED)
        return reply


class _Listener(asyncio.DatagramProtocol):
    """Waits for the datagram that answers the query; any other may be forged and is ignored."""

    def __init__(self, query: dns.message.Message, reply: asyncio.Future[dns.message.Message]) -> None:
        self.reply = reply
        self.malformed = False
        self._query = query

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002
        parsed = _parsed(self._query, data)
        if parsed is None:
            self.malformed = True
        elif not self.reply.done():
            self.reply.set_result(parsed)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


def _parsed(query: dns.message.Message, data: bytes) -> dns.message.Message | None:
    """Return the response if it has the query's id and question, otherwise None."""
    try:
        # Each record on its own: dnspython would merge several CNAME records of a name into the last one.
        reply = dns.message.from_wire(
            data, ignore_trailing=True, continue_on_error=True, one_rr_per_rrset=True
        )
    except (dns.exception.DNSException, ValueError, struct.error):
        return None
    truncated = bool(reply.flags & dns.flags.TC)
    return reply if query.is_response(reply) and (truncated or not reply.errors) else None
