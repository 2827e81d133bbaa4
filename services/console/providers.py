"""DNS providers, recognised by their name servers, and the format in which each expects a record. Pure.

Identity decides what the records are. This module only formats them for a provider's form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from letterhead.identity.v1.domains_pb2 import DnsRecord


@dataclass(frozen=True, slots=True)
class Provider:
    """A DNS provider and the format of its forms: names, trailing dots, and where the priority goes."""

    name: str
    servers: tuple[str, ...]  # suffixes of its name servers' names, in whole labels
    full_names: bool = False  # expects `send.inbox.mnexa.ai` where others expect `send.inbox`
    apex: str = "@"  # how the zone apex is written; empty: the field stays empty
    final_dot: bool = False  # reads a target without a trailing dot as relative to the zone
    priority_in_value: bool = False
    quoted_text: bool = False
    note: str = ""  # one sentence about a peculiarity
    page: str = ""  # URL of its DNS editor


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as entered in a provider's form; `priority` is None if the form has no such field."""

    name: str
    value: str
    priority: int | None


_ROUTE_53 = tuple(f"awsdns-{n:02}.{top}" for n in range(100) for top in ("com", "net", "org", "co.uk"))
_DOT = "Host names in values must end in a dot."

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
        note="Put the priority at the start of an MX record's value, and put TXT values in quotation marks.",
    ),
    Provider("GoDaddy", ("domaincontrol.com",), page="https://dcc.godaddy.com/control/portfolio"),
    Provider(
        "Namecheap",
        ("registrar-servers.com", "namecheaphosting.com"),
        note="Add MX records under Mail Settings as Custom MX, and all other records under Host Records.",
        page="https://ap.www.namecheap.com/domains/list",
    ),
    Provider(
        "Squarespace or Google Cloud DNS",
        ("googledomains.com", "squarespacedns.com", "google.com"),
        note="In Squarespace, add these as Custom records.",
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
    Provider("Hurricane Electric", ("he.net",), full_names=True, note="Enter fully qualified names."),
)  # fmt: skip


def recognised(name_servers: Sequence[str]) -> Provider | None:
    """Return the provider of these name servers; None if it is unknown or they belong to several."""
    owners = {_owner(server) for server in name_servers}
    return owners.pop() if len(owners) == 1 else None


def entry(record: DnsRecord, zone: str, provider: Provider | None) -> Entry:
    """Return a record in this provider's format; while the zone is unknown, its name is fully qualified."""
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
    """Yield the suffixes of a name in whole labels, starting with the name itself."""
    while name:
        yield name
        name = name.partition(".")[2]


_BY_ENDING = {ending: each for each in PROVIDERS for ending in each.servers}
