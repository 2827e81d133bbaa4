"""DNS providers: recognised by their name servers, and how each wants a record entered. Pure.

Not for what a record should be: that is identity's, and this only turns it into what a form accepts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from letterhead.identity.v1.domains_pb2 import DnsRecord


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's way. Forms differ where people go wrong: names, dots, where the priority goes."""

    name: str
    servers: re.Pattern[str]  # what its name servers' names end in
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


def _servers(*endings: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|\.)(?:{'|'.join(endings)})$")


_DOT = "Values that are host names end in a dot here."

PROVIDERS = (
    Provider(
        "Cloudflare",
        _servers(r"ns\.cloudflare\.com"),
        note="Set Proxy status to “DNS only” for each CNAME record.",
        page="https://dash.cloudflare.com/?to=/:account/:zone/dns/records",
    ),
    Provider(
        "Route 53",
        _servers(r"awsdns-\d\d\.(?:com|net|org|co\.uk)"),
        apex="",
        priority_in_value=True,
        quoted_text=True,
        note="The priority is part of an MX record's value, and text stands in quotation marks.",
    ),
    Provider("GoDaddy", _servers(r"domaincontrol\.com"), page="https://dcc.godaddy.com/control/portfolio"),
    Provider(
        "Namecheap",
        _servers(r"registrar-servers\.com", r"namecheaphosting\.com"),
        note="MX records are under Mail Settings: choose Custom MX. The others are Host Records.",
        page="https://ap.www.namecheap.com/domains/list",
    ),
    Provider(
        "Squarespace or Google Cloud DNS",
        _servers(r"googledomains\.com", r"squarespacedns\.com", r"google\.com"),
        note="In Squarespace, these are Custom records.",
    ),
    Provider("DigitalOcean", _servers(r"digitalocean\.com"), final_dot=True, note=_DOT,
             page="https://cloud.digitalocean.com/networking/domains"),
    Provider("Hetzner", _servers(r"ns\.hetzner\.(?:com|de)", r"first-ns\.de", r"second-ns\.(?:com|de)"),
             final_dot=True, note=_DOT, page="https://dns.hetzner.com"),
    Provider("OVHcloud", _servers(r"ovh\.(?:net|ca)", r"anycast\.me"), apex="", final_dot=True, note=_DOT,
             page="https://www.ovh.com/manager/"),
    Provider("IONOS", _servers(r"ui-dns\.(?:com|org|biz|de)"), page="https://my.ionos.com/domains"),
    Provider("Gandi", _servers(r"gandi\.net"), final_dot=True, note=_DOT, page="https://admin.gandi.net/domain"),
    Provider("Porkbun", _servers(r"ns\.porkbun\.com", r"porkbun\.com"), apex="",
             page="https://porkbun.com/account/domainsSpeedy"),
    Provider("Vercel", _servers(r"vercel-dns\.com"), apex="", page="https://vercel.com/dashboard/domains"),
    Provider("Netlify or NS1", _servers(r"nsone\.net")),
    Provider("Azure DNS", _servers(r"azure-dns\.(?:com|net|org|info)")),
    Provider("Hostinger", _servers(r"dns-parking\.com", r"hostinger\.com")),
    Provider("Wix", _servers(r"wixdns\.net"), apex=""),
    Provider("DNSimple", _servers(r"dnsimple\.com", r"dnsimple-edge\.(?:net|org|io)"), apex=""),
    Provider("Linode", _servers(r"linode\.com")),
    Provider("STRATO", _servers(r"rzone\.de"), apex=""),
    Provider("Hurricane Electric", _servers(r"he\.net"), full_names=True, note="Enter names in full here."),
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
    return next((each for each in PROVIDERS if each.servers.search(server.lower().rstrip("."))), None)
