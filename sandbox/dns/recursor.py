"""A recursive resolver inside the sandbox: walks from the root through the data and faults packets meet.

It keeps no cache, so what was published a moment ago is seen at once.
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

PATIENCE = 2.0  # seconds the recursor waits for one server
_REFERRAL_LIMIT = 16
_CHAIN_LIMIT = 16
_LOST = frozenset(
    {FaultKind.TIMEOUT, FaultKind.WRONG_ID, FaultKind.GARBAGE}
)  # a resolver hears nothing it can use


class Status(StrEnum):
    """How a question ended."""

    NOERROR = "NOERROR"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "NODATA"
    SERVFAIL = "SERVFAIL"
    TIMEOUT = "TIMEOUT"


@dataclass(slots=True)
class Resolution:
    """The end of a walk: the records, after the CNAMEs that led to them, and who spoke last."""

    status: Status
    chain: list[Record] = field(default_factory=list)
    name_server: str | None = None
    soa: Soa | None = None


class Recursor:
    """Asks one server after another as a resolver would; every walk is bounded."""

    def __init__(
        self,
        authority: Authority,
        faults: Faults,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._authority = authority
        self._faults = faults
        self._sleep = sleep
        self._turn = itertools.count()

    async def look_up(self, name: str, rdtype: RdataType) -> Resolution:
        """Resolves the canonical name, following CNAMEs unless CNAME or ANY is what was asked."""
        chain: list[Record] = []
        for _ in range(_CHAIN_LIMIT):
            step = await self._walk(name, rdtype)
            chain += step.chain
            last = step.chain[-1] if step.chain else None
            if last is None or last.type != RdataType.CNAME or rdtype in (RdataType.CNAME, RdataType.ANY):
                return Resolution(step.status, chain, step.name_server, step.soa)
            name = last.value
        return Resolution(Status.SERVFAIL, chain)

    async def _walk(self, name: str, rdtype: RdataType) -> Resolution:
        servers: Sequence[str] = (ROOT,)
        for _ in range(_REFERRAL_LIMIT):
            host, reply = await self._first_good(servers, name, rdtype)
            if not reply:
                return Resolution(Status.TIMEOUT)
            if not reply.referral:
                return Resolution(_status(reply), reply.answer, host, reply.soa)
            servers = reply.referral
        return Resolution(Status.SERVFAIL)

    async def _first_good(
        self, servers: Sequence[str], name: str, rdtype: RdataType
    ) -> tuple[str, Reply | None]:
        """The first usable reply; else the last unusable one; none when every server stayed silent."""
        first, poor, speaker = next(self._turn), None, ""
        for n in range(len(servers)):
            host = servers[(first + n) % len(servers)]
            reply = await self._ask(host, name, rdtype)
            if reply and (reply.authoritative or reply.referral):
                return host, reply
            if reply:
                poor, speaker = reply, host
        return speaker, poor

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


def _status(reply: Reply) -> Status:
    if not reply.authoritative:
        return Status.SERVFAIL
    if reply.rcode == Rcode.NXDOMAIN:
        return Status.NXDOMAIN
    return Status.NOERROR if reply.answer else Status.NODATA
