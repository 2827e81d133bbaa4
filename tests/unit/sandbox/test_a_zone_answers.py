"""Lookups in one name server's copy of a zone, without packets and faults."""

import pytest
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sandbox.dns.records import parse
from sandbox.dns.zone import Zone

HOST = "ns1.dns-host.com"


@pytest.fixture
def zone() -> Zone:
    """Return a zone with wildcards, empty non-terminals, aliases, a CNAME loop and a delegation."""
    zone = Zone("mnexa.ai", [HOST, "ns2.dns-host.com"])
    for name, rdtype, value in (
        ("deep.below.mnexa.ai", "A", "192.0.2.1"),
        ("*.wild.mnexa.ai", "TXT", "anything"),
        ("here.wild.mnexa.ai", "A", "192.0.2.2"),
        ("alias.mnexa.ai", "CNAME", "deep.below.mnexa.ai"),
        ("away.mnexa.ai", "CNAME", "t.dkim.amazonses.com"),
        ("one.mnexa.ai", "CNAME", "two.mnexa.ai"),
        ("two.mnexa.ai", "CNAME", "one.mnexa.ai"),
        ("given.mnexa.ai", "NS", "ns1.elsewhere.com"),
        ("mx.mnexa.ai", "MX", "10 a.mnexa.ai"),
        ("mx.mnexa.ai", "MX", "20 b.mnexa.ai"),
    ):
        zone.trees[HOST].add(parse(name, rdtype, value))
    return zone


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode", "values"),
    [
        ("deep.below.mnexa.ai", "A", Rcode.NOERROR, ["192.0.2.1"]),
        ("deep.below.mnexa.ai", "TXT", Rcode.NOERROR, []),
        ("below.mnexa.ai", "A", Rcode.NOERROR, []),
        ("nothing.mnexa.ai", "A", Rcode.NXDOMAIN, []),
        ("mnexa.ai", "A", Rcode.NOERROR, []),
        ("x.wild.mnexa.ai", "TXT", Rcode.NOERROR, ["anything"]),
        ("y.x.wild.mnexa.ai", "TXT", Rcode.NOERROR, ["anything"]),
        ("x.wild.mnexa.ai", "MX", Rcode.NOERROR, []),
        ("here.wild.mnexa.ai", "TXT", Rcode.NOERROR, []),
        ("x.here.wild.mnexa.ai", "TXT", Rcode.NXDOMAIN, []),
        ("alias.mnexa.ai", "A", Rcode.NOERROR, ["deep.below.mnexa.ai", "192.0.2.1"]),
        ("alias.mnexa.ai", "CNAME", Rcode.NOERROR, ["deep.below.mnexa.ai"]),
        ("away.mnexa.ai", "TXT", Rcode.NOERROR, ["t.dkim.amazonses.com"]),
        ("one.mnexa.ai", "A", Rcode.NOERROR, ["two.mnexa.ai", "one.mnexa.ai"]),
        ("mx.mnexa.ai", "MX", Rcode.NOERROR, ["10 a.mnexa.ai", "20 b.mnexa.ai"]),
        ("mnexa.ai", "NS", Rcode.NOERROR, [HOST, "ns2.dns-host.com"]),
    ],
)
def test_a_server_answers_like_a_real_one(
    zone: Zone, name: str, rdtype: str, rcode: Rcode, values: list[str]
) -> None:
    reply = zone.answer(HOST, name, RdataType[rdtype])

    assert reply.authoritative
    assert reply.rcode == rcode
    assert [record.value for record in reply.answer] == values
    assert bool(reply.authority) == (not values)


def test_a_delegation_returns_a_referral(zone: Zone) -> None:
    reply = zone.answer(HOST, "a.given.mnexa.ai", RdataType.A)

    assert reply.referral == ("ns1.elsewhere.com",)
    assert not reply.authoritative


def test_a_name_without_records_does_not_exist(zone: Zone) -> None:
    zone.trees[HOST].remove("deep.below.mnexa.ai", RdataType.A, "192.0.2.1")

    assert zone.answer(HOST, "below.mnexa.ai", RdataType.A).rcode == Rcode.NXDOMAIN


def test_each_server_has_its_own_records(zone: Zone) -> None:
    assert zone.answer("ns2.dns-host.com", "deep.below.mnexa.ai", RdataType.A).rcode == Rcode.NXDOMAIN


def test_a_new_server_copies_the_records_of_the_first(zone: Zone) -> None:
    zone.serve_by(["ns9.elsewhere.com"])

    assert zone.answer("ns9.elsewhere.com", "deep.below.mnexa.ai", RdataType.A).answer


def test_a_second_cname_replaces_the_first(zone: Zone) -> None:
    zone.trees[HOST].add(parse("alias.mnexa.ai", "CNAME", "elsewhere.com"))

    reply = zone.answer(HOST, "alias.mnexa.ai", RdataType.CNAME)

    assert [record.value for record in reply.answer] == ["elsewhere.com"]
