"""Fault injection for a name, a zone, a server or a record type, with failures that real servers show."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sandbox.dns.records import DnsError, Record, parse, soa_record, within
from sandbox.dns.zone import Reply, Zone

_LIMIT = 10_000  # faults at one time
_LONGEST_DELAY_MS = 60_000


class FaultKind(StrEnum):
    """The kind of failure."""

    SERVFAIL = "servfail"  # the server answers SERVFAIL
    TIMEOUT = "timeout"  # the server sends no response
    REFUSED = "refused"  # the server answers REFUSED
    TRUNCATE = "truncate"  # an empty response with TC over UDP; the full one over TCP
    LAME = "lame"  # a lame delegation: a non-authoritative upward referral to the root
    NXDOMAIN = "nxdomain"  # a false authoritative answer: the name does not exist
    NODATA = "nodata"  # a false authoritative answer: the name has no such record
    DELAY = "delay"  # the correct response, late
    WRONG_ID = "wrong_id"  # the correct response with the wrong query id
    GARBAGE = "garbage"  # bytes that are not a DNS message


@dataclass(slots=True)
class Fault:
    """One fault. Without `server` it applies to every server that answers for the name, not to referrals.

    `zone` covers everything at or below it, `name` only itself. `count` is how many more queries are affected
    (None: until the fault is cleared); `delay_ms` is how long DELAY holds the response back.
    """

    kind: FaultKind
    name: str | None = None
    zone: str | None = None
    server: str | None = None
    type: RdataType | None = None
    delay_ms: int = 1000
    count: int | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        if self.name is None and self.zone is None and self.server is None:
            raise DnsError("The DNS fault has no target. Set name, zone or server.")
        if self.count is not None and self.count < 1:
            raise DnsError(f"The DNS fault's count is {self.count}. Use 1 or more, or omit it.")
        if not 0 <= self.delay_ms <= _LONGEST_DELAY_MS:
            raise DnsError(f"The DNS fault's delay_ms is {self.delay_ms}. Use 0 to {_LONGEST_DELAY_MS}.")

    def strikes(self, server: str, name: str, rdtype: RdataType, *, referred: bool) -> bool:
        """Return whether the fault applies to this query; `referred`: the server only refers onward."""
        if self.server != server and (self.server is not None or referred):
            return False
        if self.type not in (None, rdtype) or self.name not in (None, name):
            return False
        return self.zone is None or within(name, self.zone)


class Faults:
    """All active faults, oldest first; calls `changed` whenever the set changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._faults: dict[str, Fault] = {}

    def add(self, fault: Fault) -> None:
        """Activate a fault."""
        if len(self._faults) >= _LIMIT:
            raise DnsError(
                f"The limit of {_LIMIT} DNS faults is reached. Clear them with DELETE /dns/faults."
            )
        self._faults[fault.id] = fault
        self._changed()

    def remove(self, fault_id: str) -> None:
        """Clear one fault; raise DnsError for an unknown id."""
        if self._faults.pop(fault_id, None) is None:
            raise DnsError(f"There is no DNS fault {fault_id}: it was cleared, or its count is used up.")
        self._changed()

    def clear(self) -> None:
        """Clear all faults."""
        self._faults.clear()
        self._changed()

    @property
    def in_force(self) -> list[Fault]:
        """Return all active faults, oldest first."""
        return list(self._faults.values())

    def strike(self, server: str, name: str, rdtype: RdataType, *, referred: bool) -> Fault | None:
        """Return the fault that applies to this query, if any, and decrement its count."""
        for fault in self._faults.values():
            if fault.strikes(server, name, rdtype, referred=referred):
                self._use(fault)
                return fault
        return None

    def _use(self, fault: Fault) -> None:
        if fault.count is None:
            return
        fault.count -= 1
        if fault.count <= 0:
            del self._faults[fault.id]
            self._changed()


def spoil(kind: FaultKind, reply: Reply, zone: Zone | None) -> Reply:
    """Return the reply changed by the fault; kinds that act on packets leave the reply unchanged."""
    soa = zone.soa if zone else None
    negative = [soa_record(zone.soa)] if zone else []
    match kind:
        case FaultKind.SERVFAIL:
            return Reply(Rcode.SERVFAIL, authoritative=False)
        case FaultKind.REFUSED:
            return Reply(Rcode.REFUSED, authoritative=False)
        case FaultKind.LAME:
            return Reply(Rcode.NOERROR, authoritative=False, authority=_upward())
        case FaultKind.NXDOMAIN:
            return Reply(Rcode.NXDOMAIN, authority=negative, soa=soa)
        case FaultKind.NODATA:
            return Reply(Rcode.NOERROR, authority=negative, soa=soa)
    return reply


def _upward() -> list[Record]:
    return [parse("", "NS", "a.root-servers.net")]
