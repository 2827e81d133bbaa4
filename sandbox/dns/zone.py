"""Zones: the records that each name server of a zone holds, and how it answers (RFC 1034 section 4.3.2).

Every server has its own tree, so that a test can make one of them stale or wrong.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import dns.rdtypes.ANY.SOA
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sandbox.dns.records import DnsError, Record, Soa, parents, parse, soa_record, spelled

DEFAULT_SOA_MINIMUM = 900  # seconds that a negative answer may be cached
_CHAIN_LIMIT = 8  # CNAMEs that a server follows inside its own zone
_SINGLE = frozenset({RdataType.CNAME, RdataType.SOA, RdataType.DNAME})  # a name holds one of these at most


@dataclass(slots=True)
class Reply:
    """One server's reply before any fault applies; `referral` holds the hosts to ask next."""

    rcode: Rcode
    authoritative: bool = True
    answer: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    referral: tuple[str, ...] = ()
    soa: Soa | None = None


class Tree:
    """One server's copy of a zone."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[RdataType, list[Record]]] = {}
        # Records served as they are, in this order, instead of those in `nodes`: what no zone may contain,
        # but some servers serve, such as several CNAME records of a name.
        self.raw: dict[str, list[Record]] = {}
        self._records_below: Counter[str] = (
            Counter()
        )  # at or below each name, because empty non-terminals exist too

    def add(self, record: Record) -> None:
        """Add a record, replacing an equal one; a CNAME or SOA replaces the existing one."""
        self.remove(record.name, record.type, None if record.type in _SINGLE else record.value)
        self.nodes.setdefault(record.name, {}).setdefault(record.type, []).append(record)
        self._count(record.name, 1)

    def remove(self, name: str, rdtype: RdataType | None, value: str | None) -> int:
        """Remove matching records at the name and return how many."""
        removed = 0
        for type_ in [rdtype] if rdtype is not None else list(self.nodes.get(name, {})):
            there = self.nodes.get(name, {}).get(type_, [])
            remaining = [record for record in there if value is not None and record.value != value]
            removed += len(there) - len(remaining)
            self._put_back(name, type_, remaining)
        self._count(name, -removed)
        return removed

    def find(self, name: str, rdtype: RdataType, apex: str) -> list[Record] | None:
        """Return the records to answer with, [] if the name has none; None if the name does not exist."""
        if name in self.raw:
            return [record for record in self.raw[name] if record.type in (rdtype, RdataType.CNAME)]
        if name == apex or self._exists(name):
            return _pick(self.nodes.get(name, {}), rdtype)
        encloser = next((above for above in parents(name) if above == apex or self._exists(above)), apex)
        wild = self.nodes.get(f"*.{encloser}")
        return None if wild is None else [replace(record, name=name) for record in _pick(wild, rdtype)]

    def records(self) -> Iterator[Record]:
        """Yield every record, ordered by name."""
        for name in sorted(self.nodes):
            for found in self.nodes[name].values():
                yield from found

    def _exists(self, name: str) -> bool:
        return self._records_below[name] > 0

    def _put_back(self, name: str, rdtype: RdataType, remaining: list[Record]) -> None:
        node = self.nodes.get(name)
        if node is None:
            return
        if remaining:
            node[rdtype] = remaining
        else:
            node.pop(rdtype, None)
        if not node:
            del self.nodes[name]

    def _count(self, name: str, change: int) -> None:
        for above in parents(name) if change else ():
            self._records_below[above] += change


def _pick(node: dict[RdataType, list[Record]], rdtype: RdataType) -> list[Record]:
    if rdtype == RdataType.ANY:
        return [record for found in node.values() for record in found]
    if RdataType.CNAME in node:
        return list(
            node[RdataType.CNAME]
        )  # an alias hides everything else at its name, RFC 1034 section 3.6.2
    return list(node.get(rdtype, ()))


class Zone:
    """An apex, its servers and the records of each; `serial` is the version at the last change."""

    def __init__(self, apex: str, servers: Sequence[str], soa_minimum: int = DEFAULT_SOA_MINIMUM) -> None:
        self.apex = apex
        self.soa_minimum = soa_minimum
        self.serial = 1
        self.trees = {host: Tree() for host in servers}
        self._name(servers)

    def serve_by(self, servers: Sequence[str]) -> None:
        """Change the hosts; a new one starts with a copy of the first one's records."""
        first = self.trees[self.servers[0]]
        self.trees = {host: self.trees.get(host) or _copy(first) for host in servers}
        self._name(servers)

    def at(self, servers: Iterable[str] | None) -> list[Tree]:
        """Return the trees of these hosts, or of all; raise DnsError if a host does not serve the zone."""
        hosts = self.servers if servers is None else tuple(servers)
        for host in hosts:
            if host not in self.trees:
                raise DnsError(f"{host} does not serve {self.apex or '.'}. Use {', '.join(self.servers)}.")
        return [self.trees[host] for host in hosts]

    @property
    def soa(self) -> Soa:
        """Return the zone's default SOA, used by servers without an SOA record of their own."""
        return Soa(
            self.apex,
            self.servers[0],
            f"hostmaster@{self.apex or self.servers[0]}",
            self.serial,
            self.soa_minimum,
        )

    def answer(self, host: str, name: str, rdtype: RdataType) -> Reply:
        """Return the host's reply for a name in the zone; an NS set below the apex gives a referral."""
        tree = self.trees[host]
        cut = self._cut(tree, name)
        if cut:
            return Reply(Rcode.NOERROR, False, authority=cut, referral=tuple(record.value for record in cut))
        found = self._follow(tree, name, rdtype)
        soa = self._soa_of(tree)
        if found:
            return Reply(Rcode.NOERROR, answer=found, soa=soa)
        rcode = Rcode.NXDOMAIN if tree.find(name, rdtype, self.apex) is None else Rcode.NOERROR
        return Reply(rcode, authority=[soa_record(soa)], soa=soa)

    def _name(self, servers: Sequence[str]) -> None:
        self.servers = tuple(servers)
        self.name_servers = [
            parse(self.apex, "NS", host) for host in servers
        ]  # the same NS set in the parent and in the child

    def _follow(self, tree: Tree, name: str, rdtype: RdataType) -> list[Record]:
        """Return the records, preceded by the CNAMEs followed within this zone."""
        chain: list[Record] = []
        for _ in range(_CHAIN_LIMIT):
            found = self._find(tree, name, rdtype)
            chain += found
            if not found or found[0].type != RdataType.CNAME or rdtype in (RdataType.CNAME, RdataType.ANY):
                break
            if any(record.type == rdtype for record in found):
                break  # only raw records are like that
            name = found[0].value
            if (
                not name.endswith("." + self.apex)
                or any(record.name == name for record in chain)
                or self._cut(tree, name)
            ):
                break
        return chain

    def _find(self, tree: Tree, name: str, rdtype: RdataType) -> list[Record]:
        found = tree.find(name, rdtype, self.apex)
        if found or name != self.apex:
            return found or []
        return {
            RdataType.NS: self.name_servers,
            RdataType.SOA: [soa_record(self.soa)],
            RdataType.ANY: [soa_record(self.soa), *self.name_servers],
        }.get(rdtype, [])

    def _cut(self, tree: Tree, name: str) -> list[Record]:
        """Return the NS set of the highest delegation published between the apex and the name."""
        cut: list[Record] = []
        for above in parents(name):
            if above == self.apex:
                break
            cut = tree.nodes.get(above, {}).get(RdataType.NS) or cut
        return cut

    def _soa_of(self, tree: Tree) -> Soa:
        own = tree.nodes.get(self.apex, {}).get(RdataType.SOA)
        if not own:
            return self.soa
        data = cast(dns.rdtypes.ANY.SOA.SOA, own[0].data)
        admin = spelled(data.rname).replace(".", "@", 1)
        return Soa(self.apex, spelled(data.mname), admin, data.serial, data.minimum)


def _copy(tree: Tree) -> Tree:
    copy = Tree()
    copy.raw = dict(tree.raw)
    for record in tree.records():
        copy.add(record)
    return copy
