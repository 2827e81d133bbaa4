"""The data of all authoritative name servers: the root, public suffixes, zones and hosts."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sandbox.dns.records import MAX_TTL, DnsError, Record, canonical, parents, parse, within
from sandbox.dns.suffixes import is_suffix, public_suffix, registrable
from sandbox.dns.zone import DEFAULT_SOA_MINIMUM, Reply, Zone

ROOT = "a.root-servers.net"
REGISTRIES = ("a.gtld-servers.net", "b.gtld-servers.net")
_FIRST_ADDRESS = ipaddress.IPv4Address("127.0.0.10")
_HOST_LIMIT = 200  # name server hosts, each with an address and two sockets
_ZONE_LIMIT = 50_000


class Authority:
    """All zones and hosts. A zone is created, and delegated, with the first record published in it."""

    def __init__(self, default_servers: Sequence[str]) -> None:
        self.version = 1
        self.zones: dict[str, Zone] = {}
        self.hosts: dict[str, Record] = {}  # name server hosts with their A records
        self.default_servers = tuple(default_servers)
        self._root = Zone("", (ROOT,))
        self.put_zone("root-servers.net", [ROOT])
        self.put_zone("gtld-servers.net", REGISTRIES)
        self.put_zone(_home(self.default_servers[0]), self.default_servers)

    @property
    def addresses(self) -> dict[str, str]:
        """Return the address of each name server host."""
        return {host: record.value for host, record in self.hosts.items()}

    def touch(self, zone: Zone | None = None) -> None:
        """Increment the version, and set the serial of the zone if one is given."""
        self.version += 1
        if zone is not None:
            zone.serial = self.version

    def put_zone(self, apex: str, servers: Sequence[str] = (), soa_minimum: int | None = None) -> Zone:
        """Create the zone, or change the hosts and the negative TTL (seconds) of an existing one."""
        if soa_minimum is not None and not 0 <= soa_minimum <= MAX_TTL:
            raise DnsError(f"soa_minimum is {soa_minimum}. Use a number of seconds between 0 and {MAX_TTL}.")
        apex, hosts = canonical(apex), [canonical(host) for host in servers]
        homes = [_home(host) for host in hosts]
        zone = self.zones.get(apex)
        if zone is None:
            zone = self.zones[apex] = self._new_zone(apex, hosts)
        elif hosts:
            zone.serve_by(hosts)
        zone.soa_minimum = zone.soa_minimum if soa_minimum is None else soa_minimum
        for host, home in zip(hosts, homes, strict=True):
            self._address(host, home)
        self.touch(zone)
        return zone

    def drop_zone(self, apex: str) -> None:
        """Delete a zone; its registry answers NXDOMAIN from then on."""
        if self.zones.pop(canonical(apex), None) is None:
            raise DnsError(f"There is no zone {apex}. GET /dns/zones lists all zones.")
        self.touch()

    def home_of(self, name: str) -> Zone:
        """Return the zone that holds this name; create one at the registrable domain if there is none."""
        return self.holder(name) or self.put_zone(_home(name))

    def holder(self, name: str) -> Zone | None:
        """Return the deepest existing zone that the name is in."""
        return next((self.zones[above] for above in parents(name) if above in self.zones), None)

    def publish(self, record: Record, servers: Sequence[str] | None = None) -> Zone:
        """Publish a record on all servers of its zone, or on the given ones."""
        zone = self.home_of(record.name)
        for tree in zone.at(servers):
            tree.add(record)
        self.touch(zone)
        return zone

    def publish_raw(self, name: str, records: Sequence[Record]) -> None:
        """Serve these records of a name, in this order, on all servers of its zone."""
        zone = self.home_of(name)
        for tree in zone.at(None):
            tree.raw[name] = list(records)
        self.touch(zone)

    def withdraw(
        self, name: str, rdtype: RdataType | None, value: str | None, servers: Sequence[str] | None = None
    ) -> int:
        """Remove matching records from the zone's servers; return how many, summed over the servers."""
        zone = self.holder(name)
        if zone is None:
            raise DnsError(f"No zone holds {name}. GET /dns/zones lists all zones.")
        removed = sum(tree.remove(name, rdtype, value) for tree in zone.at(servers))
        if removed:
            self.touch(zone)
        return removed

    def ask(self, host: str, name: str, rdtype: RdataType) -> tuple[Zone | None, Reply]:
        """Return the zone the host answers from and its reply; REFUSED if it serves no zone for the name."""
        zone = self._served(host, name)
        if zone is None:
            return None, Reply(Rcode.REFUSED, authoritative=False)
        child = self._child(zone, name)
        if child is not None:
            reply = Reply(Rcode.NOERROR, False, authority=child.name_servers, referral=child.servers)
        else:
            reply = zone.answer(host, name, rdtype)
        reply.additional = self._glue(zone, reply)
        return zone, reply

    def _new_zone(self, apex: str, hosts: Sequence[str]) -> Zone:
        if len(self.zones) >= _ZONE_LIMIT:
            raise DnsError(
                f"The limit of {_ZONE_LIMIT} zones is reached. Delete some with DELETE /dns/zones/{{apex}}."
            )
        if not apex or public_suffix(apex) is None:
            raise DnsError(
                f"{apex or '.'} has no public suffix. Use a name under a real one, such as example.com."
            )
        usual = REGISTRIES if is_suffix(apex) else self.default_servers
        return Zone(apex, hosts or usual, DEFAULT_SOA_MINIMUM)

    def _address(self, host: str, home: str) -> None:
        if host in self.hosts:
            return
        if len(self.hosts) >= _HOST_LIMIT:
            raise DnsError(f"The limit of {_HOST_LIMIT} name server hosts is reached. Reuse existing hosts.")
        self.hosts[host] = parse(host, "A", str(_FIRST_ADDRESS + len(self.hosts)))
        if self.holder(host) is None:
            self.put_zone(home, [host])
        self.publish(self.hosts[host])

    def _zone(self, apex: str) -> Zone | None:
        if not apex:
            return self._root
        return self.zones.get(apex) or (_registry(apex) if is_suffix(apex) else None)

    def _served(self, host: str, name: str) -> Zone | None:
        for above in parents(name):
            zone = self._zone(above)
            if zone is not None and host in zone.servers:
                return zone
        return None

    def _child(self, zone: Zone, name: str) -> Zone | None:
        """Return the highest zone between this one and the name, where this one's authority ends."""
        child: Zone | None = None
        for above in parents(name):
            if above == zone.apex:
                break
            child = self._zone(above) or child
        return child

    def _glue(self, zone: Zone, reply: Reply) -> list[Record]:
        return [self.hosts[host] for host in reply.referral if host in self.hosts and within(host, zone.apex)]


def _home(name: str) -> str:
    domain = registrable(name) or public_suffix(name)
    if domain is None:
        raise DnsError(f"{name} has no public suffix. Use a name under a real one, such as example.com.")
    return domain


@lru_cache(maxsize=4096)
def _registry(suffix: str) -> Zone:
    return Zone(suffix, REGISTRIES)
