"""DNS providers are recognised, and records are shown in the format of each."""

import pytest

from letterhead.identity.v1.domains_pb2 import DnsRecord
from services.console.providers import PROVIDERS, Entry, entry, recognised
from tests.unit.console.records import ZONE, inbound, mx, txt

TARGET = "feedback-smtp.us-east-1.amazonses.com"
SPF = "v=spf1 include:amazonses.com ~all"
HOST = "send.inbox"
AS_IT_IS, WITH_DOT = (TARGET, 10), (f"{TARGET}.", 10)

# Name servers, their provider, and the MX and TXT records at send.inbox as entered there.
FORMS = [
    (("ada.ns.cloudflare.com", "bob.ns.cloudflare.com"), "Cloudflare", HOST, AS_IT_IS, SPF),
    (("ns-1.awsdns-00.com", "ns-9.awsdns-01.co.uk"), "Route 53", HOST, (f"10 {TARGET}", None), f'"{SPF}"'),
    (("ns11.domaincontrol.com", "ns12.domaincontrol.com"), "GoDaddy", HOST, AS_IT_IS, SPF),
    (("dns1.registrar-servers.com",), "Namecheap", HOST, AS_IT_IS, SPF),
    (("ns-cloud-a1.googledomains.com",), "Squarespace or Google Cloud DNS", HOST, AS_IT_IS, SPF),
    (("ns1.digitalocean.com",), "DigitalOcean", HOST, WITH_DOT, SPF),
    (("helium.ns.hetzner.de", "hydrogen.ns.hetzner.com"), "Hetzner", HOST, WITH_DOT, SPF),
    (("dns13.ovh.net", "ns13.ovh.net"), "OVHcloud", HOST, WITH_DOT, SPF),
    (("ns1042.ui-dns.com", "ns1042.ui-dns.org"), "IONOS", HOST, AS_IT_IS, SPF),
    (("ns-1-a.gandi.net",), "Gandi", HOST, WITH_DOT, SPF),
    (("curitiba.ns.porkbun.com",), "Porkbun", HOST, AS_IT_IS, SPF),
    (("ns1.vercel-dns.com",), "Vercel", HOST, AS_IT_IS, SPF),
    (("dns1.p01.nsone.net",), "Netlify or NS1", HOST, AS_IT_IS, SPF),
    (("ns1.he.net", "ns2.he.net"), "Hurricane Electric", "send.inbox.mnexa.ai", AS_IT_IS, SPF),
]


@pytest.mark.parametrize(("servers", "name", "host", "value", "text"), FORMS, ids=str)
def test_a_record_is_shown_in_its_providers_format(
    servers: tuple[str, ...], name: str, host: str, value: tuple[str, int | None], text: str
) -> None:
    provider = recognised(servers)

    assert provider
    assert provider.name == name
    assert entry(mx(), ZONE, provider) == Entry(host, *value)
    assert entry(txt(), ZONE, provider) == Entry(host, text, None)


@pytest.mark.parametrize(
    "servers",
    [
        (),
        ("ns1.example.com",),
        ("ns1.example.com", "ada.ns.cloudflare.com"),
        ("ns1.he.net", "ada.ns.cloudflare.com"),
        ("notcloudflare.com", "xns.cloudflare.com"),
        ("ada.ns.cloudflare.com.evil.example",),
    ],
)
def test_unknown_or_mixed_name_servers_have_no_provider(servers: tuple[str, ...]) -> None:
    assert recognised(servers) is None


def test_case_and_a_trailing_dot_of_a_name_server_are_ignored() -> None:
    assert recognised(["ADA.NS.Cloudflare.com."]) == recognised(["ada.ns.cloudflare.com"])


@pytest.mark.parametrize(
    ("zone", "provider", "name"),
    [
        (ZONE, None, "@"),
        (ZONE, "Cloudflare", "@"),
        (ZONE, "Route 53", ""),
        (ZONE, "Hurricane Electric", ZONE),
        ("", None, ZONE),
        ("", "Cloudflare", ZONE),
        ("ai", "Cloudflare", "mnexa"),
    ],
)
def test_a_record_at_the_zone_apex_is_named_in_the_providers_format(
    zone: str, provider: str | None, name: str
) -> None:
    known = next((each for each in PROVIDERS if each.name == provider), None)

    assert entry(inbound(ZONE), zone, known).name == name


def test_a_name_in_another_zone_stays_fully_qualified() -> None:
    record = DnsRecord(type=DnsRecord.TYPE_TXT, name="notmnexa.ai", value="x")

    assert entry(record, ZONE, None).name == "notmnexa.ai"
