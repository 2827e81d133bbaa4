"""The sandbox's recursive resolver, which works on the same data and faults as the servers, without packets.

It has no cache, so it sees every change at once.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sandbox.dns.authority import ROOT, Authority
from sandbox.dns.faults import FaultKind, Faults, spoil
from sandbox.dns.records import Record, Soa
from sandbox.dns.zone import Reply

PATIENCE = 2.0  # seconds; the recursor's timeout for one server
_REFERRAL_LIMIT = 16
_CHAIN_LIMIT = 16
_LOST = frozenset(
    {FaultKind.TIMEOUT, FaultKind.WRONG_ID, FaultKind.GARBAGE}
)  # the resolver receives no usable response


class Status(StrEnum):
    """The result of a resolution."""

    NOERROR = "NOERROR"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "NODATA"
    SERVFAIL = "SERVFAIL"
    TIMEOUT = "TIMEOUT"


@dataclass(slots=True)
class Resolution:
    """The result: the CNAMEs followed by the final records, and the server that answered last."""

    status: Status
    chain: list[Record] = field(default_factory=list)
    name_server: str | None = None
    soa: Soa | None = None


class Recursor:
    """Follows referrals from the root as a resolver would; the number of steps is bounded."""

    def __init__(
        self,
        authority: Authority,
        faults: Faults,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._authority = authority
        self._faults = faults
        self._sleep = sleep
        self._next_server = itertools.count()

    async def look_up(self, name: str, rdtype: RdataType) -> Resolution:
        """Resolve the canonical name, following CNAMEs unless the type is CNAME or ANY."""
        chain: list[Record] = []
        for _ in range(_CHAIN_LIMIT):
            step = await self._follow_referrals(name, rdtype)
            chain += step.chain
            last = step.chain[-1] if step.chain else None
            if last is None or last.type != RdataType.CNAME or rdtype in (RdataType.CNAME, RdataType.ANY):
                return Resolution(step.status, chain, step.name_server, step.soa)
            name = last.value
        return Resolution(Status.SERVFAIL, chain)

    async def _follow_referrals(self, name: str, rdtype: RdataType) -> Resolution:
        servers: Sequence[str] = (ROOT,)
        for _ in range(_REFERRAL_LIMIT):
            host, reply = await self._first_usable(servers, name, rdtype)
            if not reply:
                return Resolution(Status.TIMEOUT)
            if not reply.referral:
                return Resolution(_status(reply), _consistent(reply.answer), host, reply.soa)
            servers = reply.referral
        return Resolution(Status.SERVFAIL)

    async def _first_usable(
        self, servers: Sequence[str], name: str, rdtype: RdataType
    ) -> tuple[str, Reply | None]:
        """Return the first usable reply; else the last unusable one; None if no server replied."""
        first, unusable, speaker = next(self._next_server), None, ""
        for n in range(len(servers)):
            host = servers[(first + n) % len(servers)]
            reply = await self._ask(host, name, rdtype)
            if reply and (reply.authoritative or reply.referral):
                return host, reply
            if reply:
                unusable, speaker = reply, host
        return speaker, unusable

    async def _ask(self, host: str, name: str, rdtype: RdataType) -> Reply | None:
        if host not in self._authority.hosts:
            return None
        zone, reply = self._authority.ask(host, name, rdtype)
        fault = self._faults.strike(host, name, rdtype, referred=bool(reply.referral) or zone is None)
        if fault is None:
            return reply
        late = fault.kind == FaultKind.DELAY
        if late:
            await self._sleep(min(fault.delay_ms / 1000, PATIENCE))
        if fault.kind in _LOST or (late and fault.delay_ms / 1000 >= PATIENCE):
            return None
        return spoil(fault.kind, reply, zone)


def _consistent(answer: Sequence[Record]) -> list[Record]:
    """Return an answer as a resolver reads it: a name's first record decides between alias and data.

    Several CNAME records of a name, or one beside other data, are not allowed (RFC 1034 section 3.6.2), so
    resolvers differ; this one depends on the order.
    """
    first: dict[str, Record] = {}
    for record in answer:
        first.setdefault(record.name, record)
    return [
        record
        for record in answer
        if record is first[record.name]
        or (record.type == first[record.name].type and record.type != RdataType.CNAME)
    ]


def _status(reply: Reply) -> Status:
    if not reply.authoritative:
        return Status.SERVFAIL
    if reply.rcode == Rcode.NXDOMAIN:
        return Status.NXDOMAIN
    return Status.NOERROR if reply.answer else Status.NODATA
