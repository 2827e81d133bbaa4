"""DNS providers: recognised by their name servers, and how each wants a record entered. Pure.

Not for what a record should be: that is identity's, and this only turns it into what a form accepts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from letterhead.identity.v1.domains_pb2 import DnsRecord


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's way. Forms differ where people go wrong: names, dots, where the priority goes."""

    name: str
    servers: tuple[str, ...]  # what its name servers' names end in, whole labels
    full_names: bool = False  # wants `send.inbox.mnexa.ai` where others want `send.inbox`
    apex: str = "@"  # what stands for the zone itself; empty: the field stays empty
    final_dot: bool = False  # takes a target without a dot at its end for a name inside the zone
    priority_in_value: bool = False
    quoted_text: bool = False
    note: str = ""  # one sentence on what is peculiar
    page: str = ""  # where its DNS is edited


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as typed into a provider's form; `priority` is None where there is no such field."""

    name: str
    value: str
    priority: int | None


_ROUTE_53 = tuple(f"awsdns-{n:02}.{top}" for n in range(100) for top in ("com", "net", "org", "co.uk"))
_DOT = "Values that are host names end in a dot here."

PROVIDERS = (
    Provider(
        "Cloudflare",
        ("ns.cloudflare.com",),
        note="Set Proxy status to “DNS only” for each CNAME record.",
        page="https://dash.cloudflare.com/?to=/:account/:zone/dns/records",
    ),
    Provider(
        "Route 53",
        _ROUTE_53,
        apex="",
        priority_in_value=True,
        quoted_text=True,
        note="The priority is part of an MX record's value, and text stands in quotation marks.",
    ),
    Provider("GoDaddy", ("domaincontrol.com",), page="https://dcc.godaddy.com/control/portfolio"),
    Provider(
        "Namecheap",
        ("registrar-servers.com", "namecheaphosting.com"),
        note="MX records are under Mail Settings: choose Custom MX. The others are Host Records.",
        page="https://ap.www.namecheap.com/domains/list",
    ),
    Provider(
        "Squarespace or Google Cloud DNS",
        ("googledomains.com", "squarespacedns.com", "google.com"),
        note="In Squarespace, these are Custom records.",
    ),
    Provider("DigitalOcean", ("digitalocean.com",), final_dot=True, note=_DOT,
             page="https://cloud.digitalocean.com/networking/domains"),
    Provider("Hetzner", ("ns.hetzner.com", "ns.hetzner.de", "first-ns.de", "second-ns.com", "second-ns.de"),
             final_dot=True, note=_DOT, page="https://dns.hetzner.com"),
    Provider("OVHcloud", ("ovh.net", "ovh.ca", "anycast.me"), apex="", final_dot=True, note=_DOT,
             page="https://www.ovh.com/manager/"),
    Provider("IONOS", ("ui-dns.com", "ui-dns.org", "ui-dns.biz", "ui-dns.de"), page="https://my.ionos.com/domains"),
    Provider("Gandi", ("gandi.net",), final_dot=True, note=_DOT, page="https://admin.gandi.net/domain"),
    Provider("Porkbun", ("ns.porkbun.com", "porkbun.com"), apex="",
             page="https://porkbun.com/account/domainsSpeedy"),
    Provider("Vercel", ("vercel-dns.com",), apex="", page="https://vercel.com/dashboard/domains"),
    Provider("Netlify or NS1", ("nsone.net",)),
    Provider("Azure DNS", ("azure-dns.com", "azure-dns.net", "azure-dns.org", "azure-dns.info")),
    Provider("Hostinger", ("dns-parking.com", "hostinger.com")),
    Provider("Wix", ("wixdns.net",), apex=""),
    Provider("DNSimple", ("dnsimple.com", *(f"dnsimple-edge.{each}" for each in ("net", "org", "io"))),
             apex=""),
    Provider("Linode", ("linode.com",)),
    Provider("STRATO", ("rzone.de",), apex=""),
    Provider("Hurricane Electric", ("he.net",), full_names=True, note="Enter names in full here."),
)  # fmt: skip


def recognised(name_servers: Sequence[str]) -> Provider | None:
    """Returns whose name servers these are; None when nobody's that is known, or those of several."""
    owners = {_owner(server) for server in name_servers}
    return owners.pop() if len(owners) == 1 else None


def entry(record: DnsRecord, zone: str, provider: Provider | None) -> Entry:
    """Returns a record as this provider's form wants it; without a known zone, its name is in full."""
    value, priority = record.value, record.priority if record.type == DnsRecord.TYPE_MX else None
    if provider and provider.final_dot and record.type != DnsRecord.TYPE_TXT:
        value = f"{value}."
    if provider and provider.quoted_text and record.type == DnsRecord.TYPE_TXT:
        value = f'"{value}"'
    if provider and provider.priority_in_value and priority is not None:
        value, priority = f"{priority} {value}", None
    return Entry(_name(record.name, zone, provider), value, priority)


def _name(name: str, zone: str, provider: Provider | None) -> str:
    if not zone or (provider and provider.full_names):
        return name
    if name == zone:
        return provider.apex if provider else "@"
    return name.removesuffix(f".{zone}")


def _owner(server: str) -> Provider | None:
    return next(
        (_BY_ENDING[each] for each in _endings(server.lower().rstrip(".")) if each in _BY_ENDING), None
    )


def _endings(name: str) -> Iterator[str]:
    """Give what a name ends in, by whole labels: the name itself first."""
    while name:
        yield name
        name = name.partition(".")[2]


_BY_ENDING = {ending: each for each in PROVIDERS for ending in each.servers}
