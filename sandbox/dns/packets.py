"""The DNS wire format: parse one query, write one response, or none."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rrset
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sandbox.dns.authority import Authority
from sandbox.dns.faults import Fault, FaultKind, Faults, spoil
from sandbox.dns.records import Record, absolute, soa_record, spelled
from sandbox.dns.recursor import Recursor, Resolution, Status
from sandbox.dns.zone import Reply

RECURSOR = "recursor"  # the recursor's server name in faults and in the query log
_PAYLOAD = 1232  # bytes that our servers accept over UDP, as DNS flag day 2020 recommends
_PLAIN_UDP = 512  # bytes, RFC 1035 section 4.2.1
_TCP = 65535  # bytes
_MAX_QUERIES = 10_000
_TRANSFERS = frozenset({RdataType.AXFR, RdataType.IXFR})


class Transport(StrEnum):
    """The transport of a query."""

    UDP = "udp"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Query:
    """One line of the query log."""

    at: datetime
    name: str
    type: RdataType
    server: str
    transport: Transport


class Packets:
    """Answers queries for every server of the sandbox, and logs the last 10,000."""

    def __init__(
        self, authority: Authority, faults: Faults, recursor: Recursor, now: Callable[[], datetime]
    ) -> None:
        self._authority = authority
        self._faults = faults
        self._recursor = recursor
        self._now = now
        self.queries: deque[Query] = deque(maxlen=_MAX_QUERIES)

    async def respond(self, server: str, wire: bytes, transport: Transport) -> bytes | None:
        """Return the response in wire format, or None to send none."""
        try:
            query = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError):
            return _format_error(wire)
        rejection = _error_rcode(query)
        if rejection is not None:
            return _wire(query, _message(query, Reply(rejection, authoritative=False)), transport)
        return await self._answer(server, query, transport)

    async def _answer(self, server: str, query: dns.message.Message, transport: Transport) -> bytes | None:
        name, rdtype = spelled(query.question[0].name), query.question[0].rdtype
        self.queries.append(Query(self._now(), name, rdtype, server, transport))
        if server == RECURSOR:
            fault = self._faults.strike(server, name, rdtype, referred=True)
            reply, zone = _recursive_reply(await self._recursor.look_up(name, rdtype)), None
        else:
            zone, reply = self._authority.ask(server, name, rdtype)
            fault = self._faults.strike(server, name, rdtype, referred=bool(reply.referral) or zone is None)
        if fault is not None:
            return await _apply_fault(fault, query, spoil(fault.kind, reply, zone), transport)
        return _wire(query, _message(query, reply, recursive=server == RECURSOR), transport)


async def _apply_fault(
    fault: Fault, query: dns.message.Message, reply: Reply, transport: Transport
) -> bytes | None:
    """Return the response in wire format after a fault has changed it; None to send none."""
    response = _message(query, reply)
    match fault.kind:
        case FaultKind.TIMEOUT:
            return None
        case FaultKind.GARBAGE:
            return query.id.to_bytes(2, "big") + b"\x84\x00\xff\xff\xff\xff garbage"
        case FaultKind.DELAY:
            await asyncio.sleep(fault.delay_ms / 1000)
        case FaultKind.WRONG_ID:
            response.id = query.id ^ 0xFFFF
        case FaultKind.TRUNCATE if transport == Transport.UDP:
            response = _message(query, Reply(reply.rcode, reply.authoritative))
            response.flags |= dns.flags.TC
    return _wire(query, response, transport)


def _recursive_reply(resolution: Resolution) -> Reply:
    rcode = {Status.NXDOMAIN: Rcode.NXDOMAIN, Status.SERVFAIL: Rcode.SERVFAIL, Status.TIMEOUT: Rcode.SERVFAIL}
    negative = resolution.status in (Status.NXDOMAIN, Status.NODATA)
    return Reply(
        rcode.get(resolution.status, Rcode.NOERROR),
        authoritative=False,
        answer=resolution.chain,
        authority=[soa_record(resolution.soa)] if negative and resolution.soa else [],
    )


def _error_rcode(query: dns.message.Message) -> Rcode | None:
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        return Rcode.NOTIMP
    question = query.question[0]
    if question.rdclass != dns.rdataclass.IN or question.rdtype in _TRANSFERS:
        return Rcode.REFUSED
    return Rcode.BADVERS if query.edns > 0 else None


def _message(query: dns.message.Message, reply: Reply, *, recursive: bool = False) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=recursive, our_payload=_PAYLOAD)
    response.set_rcode(reply.rcode)
    if reply.authoritative:
        response.flags |= dns.flags.AA
    response.answer = _rrsets(reply.answer)
    response.authority = _rrsets(reply.authority)
    response.additional = _rrsets(reply.additional)
    return response


def _rrsets(records: list[Record]) -> list[dns.rrset.RRset]:
    found: dict[tuple[str, RdataType, str], dns.rrset.RRset] = {}
    for record in records:
        # dnspython's RRset holds only one CNAME record, and raw records may be several.
        key = (record.name, record.type, record.value if record.type == RdataType.CNAME else "")
        if key not in found:
            found[key] = dns.rrset.RRset(absolute(record.name + "."), dns.rdataclass.IN, record.type)
        found[key].add(record.data, record.ttl)
    return list(found.values())


def _wire(query: dns.message.Message, response: dns.message.Message, transport: Transport) -> bytes:
    udp_limit = min(max(query.payload, _PLAIN_UDP), _PAYLOAD) if query.edns >= 0 else _PLAIN_UDP
    limit = _TCP if transport == Transport.TCP else udp_limit
    return response.to_wire(max_size=limit, prefer_truncation=True)


def _format_error(wire: bytes) -> bytes | None:
    """Return FORMERR for a message that has a complete query header; None for anything else."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    return wire[:2] + bytes([0x80 | (wire[2] & 0x79), Rcode.FORMERR]) + bytes(8)
