"""The simulated DNS as the rest of the sandbox uses it: publish records, inject faults, resolve names."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dns.exception
import dns.name
import dns.zone as zonefile

from sandbox.dns.authority import ROOT, Authority
from sandbox.dns.faults import Fault, FaultKind, Faults
from sandbox.dns.listeners import Listeners
from sandbox.dns.packets import RECURSOR, Packets
from sandbox.dns.records import (
    DEFAULT_TTL,
    DnsError,
    Record,
    Soa,
    absolute,
    canonical,
    parse,
    read_type,
    spelled,
)
from sandbox.dns.recursor import Recursor, Status
from sandbox.dns.zone import Zone

NAME_SERVERS = ("ns1.dns-host.com", "ns2.dns-host.com")
RECURSOR_ADDRESS = "127.0.0.53"
AMAZON_SERVERS = ("ns-1.awsdns-00.com", "ns-2.awsdns-00.com")
SENDING_NETWORK = "203.0.113.0/24"  # TEST-NET-3: the network that the sandbox's SES lists in its SPF record
FEEDBACK_ADDRESS = "203.0.113.25"
OUTBOUND_ADDRESS = "203.0.113.10"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query; CNAMEs are followed, and `values` are in plain form (see Record.value)."""

    status: Status
    values: list[str] = field(default_factory=list)
    name_server: str | None = None
    soa: Soa | None = None


class Internet:
    """All zones, faults and name servers. It works without sockets until `listening` opens them."""

    def __init__(
        self,
        *,
        name_servers: Sequence[str] = NAME_SERVERS,
        regions: Sequence[str] = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1"),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.authority = Authority(name_servers)
        self.faults = Faults(self.authority.touch)
        self.recursor = Recursor(self.authority, self.faults)
        self.packets = Packets(self.authority, self.faults, self.recursor, now)
        self._listeners = Listeners(self.packets.respond)
        self._publish_amazon(regions)

    @property
    def version(self) -> int:
        """Return a number that grows with every change of a record, a zone or a fault."""
        return self.authority.version

    @property
    def root(self) -> str:
        """Return the root server's address."""
        return self.authority.hosts[ROOT].value

    @property
    def port(self) -> int:
        """Return the port of all servers; 0 if they are not listening."""
        return self._listeners.port

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[None]:
        """Serve DNS over UDP and TCP on every server's address; port 0 chooses a free port."""
        await self._listeners.open({RECURSOR: RECURSOR_ADDRESS, **self.authority.addresses}, port)
        try:
            yield
        finally:
            await self._listeners.close()

    async def resolve(self, name: str, rdtype: str) -> Answer:
        """Resolve a name as a recursive resolver would, with the same data and faults but without packets."""
        type_ = read_type(rdtype)
        found = await self.recursor.look_up(canonical(name), type_)
        values = [record.value for record in found.chain if record.type == type_]
        return Answer(found.status, values, found.name_server, found.soa)

    def publish(
        self,
        name: str,
        rdtype: str,
        value: str,
        ttl: int = DEFAULT_TTL,
        *,
        priority: int | None = None,
        servers: Sequence[str] | None = None,
    ) -> Record:
        """Publish a record on all servers of its zone or on the given ones; create the zone if needed."""
        record = parse(name, rdtype, value, priority=priority, ttl=ttl)
        self.authority.publish(record, servers)
        return record

    def publish_raw(self, name: str, *records: tuple[str, str]) -> None:
        """Serve records (type and value) of a name in this order, even if a zone may not contain them.

        They replace what the name has. An MX record has its priority in the value: `10 mx.example.com`.
        """
        parsed = [parse(name, rdtype, value) for rdtype, value in records]
        self.authority.publish_raw(canonical(name), parsed)

    def withdraw(
        self,
        name: str,
        rdtype: str | None = None,
        value: str | None = None,
        *,
        servers: Sequence[str] | None = None,
    ) -> int:
        """Remove records; return how many, summed over the zone's servers. `value` is in plain form."""
        type_ = read_type(rdtype) if rdtype is not None else None
        return self.authority.withdraw(canonical(name), type_, value, servers)

    def inject_fault(
        self,
        kind: FaultKind,
        *,
        name: str | None = None,
        zone: str | None = None,
        server: str | None = None,
        rdtype: str | None = None,
        delay_ms: int = 1000,
        count: int | None = None,
    ) -> Fault:
        """Inject a fault for a name, a zone or a server (see Fault); the recursor is named `recursor`."""
        if server is not None and server not in (RECURSOR, *self.authority.hosts):
            raise DnsError(
                f"There is no server {server}. Use {', '.join((RECURSOR, *self.authority.hosts))}."
            )
        fault = Fault(
            kind,
            name=None if name is None else canonical(name),
            zone=None if zone is None else canonical(zone),
            server=server,
            type=None if rdtype is None else read_type(rdtype),
            delay_ms=delay_ms,
            count=count,
        )
        self.faults.add(fault)
        return fault

    async def put_zone(self, apex: str, servers: Sequence[str] = (), soa_minimum: int | None = None) -> Zone:
        """Create or change a zone; new name servers get an address and start to listen."""
        zone = self.authority.put_zone(apex, servers, soa_minimum)
        if self.port:
            await self._listeners.add(self.authority.addresses)
        return zone

    def load(self, apex: str, text: str) -> int:
        """Publish the records of a BIND zone file and return how many there are."""
        try:
            parsed = zonefile.from_text(text, origin=absolute(apex), relativize=False, check_origin=False)
        except (dns.exception.DNSException, ValueError) as error:
            raise DnsError(f"The zone file is not valid ({error}). Correct that line.") from error
        self.authority.put_zone(apex)
        records = [
            Record(spelled(name), data.rdtype, data, ttl) for name, ttl, data in parsed.iterate_rdatas()
        ]
        for record in records:
            self.authority.publish(record)
        return len(records)

    def _publish_amazon(self, regions: Sequence[str]) -> None:
        """Publish the records of the real amazonses.com that a receiver of SES's email looks up."""
        self.authority.put_zone("awsdns-00.com", AMAZON_SERVERS)
        for apex in ("amazonses.com", "dkim.amazonses.com", "amazonaws.com", "awstrack.me"):
            self.authority.put_zone(apex, AMAZON_SERVERS)
        self.publish("amazonses.com", "TXT", f"v=spf1 ip4:{SENDING_NETWORK} -all")
        self.publish("*.smtp-out.amazonses.com", "A", OUTBOUND_ADDRESS)
        for region in regions:
            self.publish(f"feedback-smtp.{region}.amazonses.com", "A", FEEDBACK_ADDRESS)
            self.publish(f"inbound-smtp.{region}.amazonaws.com", "A", FEEDBACK_ADDRESS)
            self.publish(f"r.{region}.awstrack.me", "A", FEEDBACK_ADDRESS)
