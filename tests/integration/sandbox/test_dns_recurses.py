"""The recursor, over the network."""

from dns.flags import AA, RA
from dns.rcode import Rcode

from sandbox.dns import Internet
from sandbox.dns.faults import FaultKind
from sandbox.dns.internet import RECURSOR_ADDRESS
from tests.integration.sandbox.resolver import Resolver, values


async def test_the_recursor_follows_a_cname_to_another_zone(internet: Internet, resolver: Resolver) -> None:
    internet.publish("t1._domainkey.inbox.mnexa.ai", "CNAME", "t1.dkim.amazonses.com")
    internet.publish("t1.dkim.amazonses.com", "TXT", "v=DKIM1; p=key")

    answer = await resolver.udp(RECURSOR_ADDRESS, "t1._domainkey.inbox.mnexa.ai", "TXT")

    assert values(answer) == ["t1.dkim.amazonses.com.", '"v=DKIM1; p=key"']
    assert answer.flags & RA
    assert not answer.flags & AA


async def test_the_recursor_has_no_cache(internet: Internet, resolver: Resolver) -> None:
    before = await resolver.udp(RECURSOR_ADDRESS, "mnexa.ai", "TXT")

    internet.publish("mnexa.ai", "TXT", "new")
    after = await resolver.udp(RECURSOR_ADDRESS, "mnexa.ai", "TXT")

    assert before.rcode() == Rcode.NXDOMAIN
    assert before.authority
    assert values(after) == ['"new"']


async def test_a_cname_loop_is_servfail(internet: Internet, resolver: Resolver) -> None:
    internet.publish("a.mnexa.ai", "CNAME", "b.mnexa.com")
    internet.publish("b.mnexa.com", "CNAME", "a.mnexa.ai")

    answer = await resolver.udp(RECURSOR_ADDRESS, "a.mnexa.ai", "TXT", use_edns=0)

    assert answer.rcode() == Rcode.SERVFAIL


async def test_no_answer_from_any_server_is_servfail(internet: Internet, resolver: Resolver) -> None:
    internet.publish("mnexa.ai", "TXT", "here")
    internet.inject_fault(FaultKind.TIMEOUT, zone="mnexa.ai")

    assert (await resolver.udp(RECURSOR_ADDRESS, "mnexa.ai", "TXT")).rcode() == Rcode.SERVFAIL


async def test_the_recursor_can_have_a_fault_of_its_own(internet: Internet, resolver: Resolver) -> None:
    internet.publish("mnexa.ai", "TXT", "here")
    internet.inject_fault(FaultKind.SERVFAIL, server="recursor")

    by_recursor = await resolver.udp(RECURSOR_ADDRESS, "mnexa.ai", "TXT")
    by_referrals = await resolver.walk("mnexa.ai", "TXT")

    assert by_recursor.rcode() == Rcode.SERVFAIL
    assert values(by_referrals) == ['"here"']
