"""Faults one can lay on a name, a zone, a server or a record type: what real name servers do on a bad day."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sandbox.dns.records import DnsMistake, Record, parse, soa_record, within
from sandbox.dns.zone import Reply, Zone

_LIMIT = 10_000  # faults at one time
_LONGEST_DELAY_MS = 60_000


class FaultKind(StrEnum):
    """What goes wrong."""

    SERVFAIL = "servfail"  # the server says that it failed
    TIMEOUT = "timeout"  # no answer ever comes
    REFUSED = "refused"  # the server will not serve this
    TRUNCATE = "truncate"  # TC and nothing else over UDP; all is well over TCP
    LAME = "lame"  # not authoritative: an upward referral to the root
    NXDOMAIN = "nxdomain"  # a lie: the name does not exist
    NODATA = "nodata"  # a lie: the name has no such record
    DELAY = "delay"  # the right answer, late
    WRONG_ID = "wrong_id"  # the right answer under another query's id
    GARBAGE = "garbage"  # octets that are no DNS answer


@dataclass(slots=True)
class Fault:
    """One fault. Without a server it strikes all that answer for the name, never those that refer onward.

    `zone` covers everything at or below it, `name` just itself; `count` is how many queries it still strikes
    (None: until it is cleared), `delay_ms` how long DELAY holds the answer back.
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
            raise DnsMistake("A DNS fault needs a name, a zone or a server to strike.")
        if self.count is not None and self.count < 1:
            raise DnsMistake("A DNS fault's count is how many queries it strikes: 1 or more, or none at all.")
        if not 0 <= self.delay_ms <= _LONGEST_DELAY_MS:
            raise DnsMistake(f"A DNS fault's delay_ms is between 0 and {_LONGEST_DELAY_MS}.")

    def strikes(self, server: str, name: str, rdtype: RdataType, *, referred: bool) -> bool:
        """Whether a query for the name at the server meets this fault."""
        if self.server != server and (self.server is not None or referred):
            return False
        if self.type not in (None, rdtype) or self.name not in (None, name):
            return False
        return self.zone is None or within(name, self.zone)


class Faults:
    """All faults in force, oldest first; tells its owner whenever that set changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._faults: dict[str, Fault] = {}

    def add(self, fault: Fault) -> None:
        """Puts a fault in force."""
        if len(self._faults) >= _LIMIT:
            raise DnsMistake(f"There are {_LIMIT} DNS faults already: clear some with DELETE /dns/faults.")
        self._faults[fault.id] = fault
        self._changed()

    def remove(self, fault_id: str) -> None:
        """Clears one fault; raises DnsMistake when there is none with that id."""
        if self._faults.pop(fault_id, None) is None:
            raise DnsMistake(f"There is no DNS fault {fault_id}: it was cleared, or its count is used up.")
        self._changed()

    def clear(self) -> None:
        """Clears every fault."""
        self._faults.clear()
        self._changed()

    @property
    def in_force(self) -> list[Fault]:
        """Every fault, oldest first."""
        return list(self._faults.values())

    def strike(self, server: str, name: str, rdtype: RdataType, *, referred: bool) -> Fault | None:
        """The fault this query meets, if any; uses up one of its count."""
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
    """The reply as the fault leaves it; kinds that act on packets leave their content whole."""
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
