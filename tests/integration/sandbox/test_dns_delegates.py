"""Delegation from the root to a zone's own servers, over the network."""

import pytest
from dns.flags import AA
from dns.rcode import Rcode

from sandbox.dns import Internet
from tests.integration.sandbox.resolver import Resolver, glue, referral, values


async def test_referrals_from_the_root_lead_to_the_zones_servers(
    internet: Internet, resolver: Resolver
) -> None:
    internet.publish("send.inbox.mnexa.ai", "MX", "10 feedback-smtp.us-east-1.amazonses.com")

    answer = await resolver.walk("send.inbox.mnexa.ai", "MX")

    addresses = internet.authority.addresses
    assert values(answer) == ["10 feedback-smtp.us-east-1.amazonses.com."]
    assert resolver.asked[0] == internet.root
    assert resolver.asked[1] in {addresses["a.gtld-servers.net"], addresses["b.gtld-servers.net"]}
    assert resolver.asked[2] in {addresses["ns1.dns-host.com"], addresses["ns2.dns-host.com"]}


async def test_a_registry_returns_glue_only_for_hosts_below_it(
    internet: Internet, resolver: Resolver
) -> None:
    internet.publish("mnexa.ai", "A", "192.0.2.1")
    internet.publish("mnexa.com", "A", "192.0.2.1")
    registry = internet.authority.addresses["a.gtld-servers.net"]

    elsewhere, below = [await resolver.udp(registry, name, "A") for name in ("mnexa.ai", "mnexa.com")]

    assert glue(elsewhere) is None
    assert glue(below) is not None
    assert sorted(referral(elsewhere)) == ["ns1.dns-host.com.", "ns2.dns-host.com."]


@pytest.mark.parametrize("name", ["mnexa.co.uk", "inbox.mnexa.com.au", "a.b.mnexa.dev"])
async def test_every_public_suffix_has_a_registry(internet: Internet, resolver: Resolver, name: str) -> None:
    internet.publish(name, "TXT", "here")

    assert values(await resolver.walk(name, "TXT")) == ['"here"']


@pytest.mark.parametrize("name", ["nobody-bought-this.com", "nobody.co.uk", "letterhead.test", "local"])
async def test_an_unregistered_domain_does_not_exist(resolver: Resolver, name: str) -> None:
    answer = await resolver.walk(name, "A")

    assert answer.rcode() == Rcode.NXDOMAIN
    assert answer.authority[0][0].to_text().endswith(" 900")


async def test_a_subdomain_can_be_delegated(internet: Internet, resolver: Resolver) -> None:
    internet.publish("mnexa.ai", "TXT", "parent")
    await internet.put_zone("inbox.mnexa.ai", ["ns1.inbox.mnexa.ai", "ns.other-host.net"])
    internet.publish("inbox.mnexa.ai", "TXT", "child")

    answer = await resolver.walk("inbox.mnexa.ai", "TXT")

    assert values(answer) == ['"child"']
    assert resolver.asked[-1] == internet.authority.addresses["ns1.inbox.mnexa.ai"]


async def test_a_server_refuses_queries_for_other_zones(internet: Internet, resolver: Resolver) -> None:
    answer = await resolver.udp(internet.authority.addresses["ns1.dns-host.com"], "amazonses.com", "TXT")

    assert answer.rcode() == Rcode.REFUSED
    assert not answer.flags & AA


async def test_one_server_can_have_stale_records(internet: Internet, resolver: Resolver) -> None:
    internet.publish("mnexa.ai", "TXT", "new", servers=["ns1.dns-host.com"])
    internet.publish("mnexa.ai", "TXT", "old", servers=["ns2.dns-host.com"])
    addresses = internet.authority.addresses

    seen = {
        host: values(await resolver.udp(addresses[host], "mnexa.ai", "TXT"))
        for host in ("ns1.dns-host.com", "ns2.dns-host.com")
    }

    assert seen == {"ns1.dns-host.com": ['"new"'], "ns2.dns-host.com": ['"old"']}


async def test_the_records_of_amazonses_com_exist(internet: Internet, resolver: Resolver) -> None:
    spf = await resolver.walk("amazonses.com", "TXT")
    feedback = await resolver.walk("feedback-smtp.us-east-1.amazonses.com", "A")
    key = await resolver.walk("nokey.dkim.amazonses.com", "TXT")

    assert values(spf) == ['"v=spf1 ip4:203.0.113.0/24 -all"']
    assert values(feedback) == ["203.0.113.25"]
    assert key.rcode() == Rcode.NXDOMAIN
