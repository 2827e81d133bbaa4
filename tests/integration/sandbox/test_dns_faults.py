"""Every DNS fault, as a client sees it on the network and as the in-process resolver reports it."""

import time
from collections.abc import Awaitable, Callable

import dns.exception
import dns.query
import pytest
from dns.flags import AA, TC
from dns.message import Message
from dns.rcode import Rcode

from sandbox.dns import Internet
from sandbox.dns.faults import FaultKind
from tests.integration.sandbox.resolver import Resolver, referral, values

NAME, SERVER, OTHER = "send.mnexa.ai", "ns1.dns-host.com", "ns2.dns-host.com"
Ask = Callable[[], Awaitable[Message]]


@pytest.fixture
def ask(internet: Internet, resolver: Resolver) -> Ask:
    """Return a function that queries a server of the zone over UDP for an existing TXT."""
    internet.publish(NAME, "TXT", "here")
    return lambda: resolver.udp(internet.authority.addresses[SERVER], NAME, "TXT")


@pytest.mark.parametrize(
    ("kind", "rcode", "authoritative"),
    [
        (FaultKind.SERVFAIL, Rcode.SERVFAIL, False),
        (FaultKind.REFUSED, Rcode.REFUSED, False),
        (FaultKind.LAME, Rcode.NOERROR, False),
        (FaultKind.NXDOMAIN, Rcode.NXDOMAIN, True),
        (FaultKind.NODATA, Rcode.NOERROR, True),
    ],
)
async def test_a_server_gives_a_wrong_answer(
    internet: Internet, ask: Ask, *, kind: FaultKind, rcode: Rcode, authoritative: bool
) -> None:
    internet.inject_fault(kind, name=NAME)

    answer = await ask()

    assert (answer.rcode(), bool(answer.flags & AA), values(answer)) == (rcode, authoritative, [])
    assert bool(answer.authority) == (kind in {FaultKind.NXDOMAIN, FaultKind.NODATA, FaultKind.LAME})
    assert bool(referral(answer)) == (kind == FaultKind.LAME)


async def test_a_server_does_not_answer(internet: Internet, ask: Ask) -> None:
    internet.inject_fault(FaultKind.TIMEOUT, name=NAME)

    with pytest.raises(dns.exception.Timeout):
        await ask()


async def test_a_server_answers_with_a_wrong_id(internet: Internet, ask: Ask) -> None:
    internet.inject_fault(FaultKind.WRONG_ID, name=NAME)

    with pytest.raises(dns.query.BadResponse):
        await ask()


async def test_a_server_sends_garbage(internet: Internet, ask: Ask) -> None:
    internet.inject_fault(FaultKind.GARBAGE, name=NAME)

    with pytest.raises(dns.exception.FormError):
        await ask()


async def test_a_server_answers_late(internet: Internet, ask: Ask) -> None:
    internet.inject_fault(FaultKind.DELAY, name=NAME, delay_ms=200)
    started = time.monotonic()

    answer = await ask()

    assert time.monotonic() - started >= 0.2
    assert values(answer) == ['"here"']


async def test_a_server_truncates_over_udp_and_answers_fully_over_tcp(
    internet: Internet, ask: Ask, resolver: Resolver
) -> None:
    internet.inject_fault(FaultKind.TRUNCATE, name=NAME)

    truncated_answer = await ask()
    full = await resolver.tcp(internet.authority.addresses[SERVER], NAME, "TXT")

    assert truncated_answer.flags & TC
    assert values(truncated_answer) == []
    assert values(full) == ['"here"']


@pytest.mark.parametrize(
    ("use_edns", "size", "truncated"), [(None, 600, True), (0, 600, False), (0, 1400, True)]
)
async def test_an_answer_too_large_for_udp_is_truncated(
    internet: Internet, resolver: Resolver, *, use_edns: int | None, size: int, truncated: bool
) -> None:
    internet.publish(NAME, "TXT", "x" * size)

    answer = await resolver.udp(internet.authority.addresses[SERVER], NAME, "TXT", use_edns=use_edns)

    assert bool(answer.flags & TC) == truncated


async def test_a_large_txt_is_served_over_tcp(internet: Internet, resolver: Resolver) -> None:
    internet.publish(NAME, "TXT", "x" * 60_000)

    answer = await resolver.tcp(internet.authority.addresses[SERVER], NAME, "TXT")

    assert sum(value.count("x") for value in values(answer)) == 60_000


async def test_a_fault_applies_only_to_its_zone_server_and_type(
    internet: Internet, resolver: Resolver
) -> None:
    internet.publish(NAME, "TXT", "here")
    internet.publish(NAME, "MX", "10 mx.mnexa.ai")
    internet.inject_fault(FaultKind.REFUSED, zone="mnexa.ai", server=SERVER, rdtype="TXT")
    here, there = internet.authority.addresses[SERVER], internet.authority.addresses[OTHER]

    rcodes = [
        (await resolver.udp(address, name, rdtype)).rcode()
        for address, name, rdtype in (
            (here, NAME, "TXT"),
            (here, "else.mnexa.ai", "TXT"),
            (here, NAME, "MX"),
            (there, NAME, "TXT"),
        )
    ]

    assert rcodes == [Rcode.REFUSED, Rcode.REFUSED, Rcode.NOERROR, Rcode.NOERROR]


async def test_a_fault_of_a_zone_does_not_affect_its_registry(internet: Internet, resolver: Resolver) -> None:
    internet.publish(NAME, "TXT", "here")
    internet.inject_fault(FaultKind.SERVFAIL, zone="mnexa.ai")

    answer = await resolver.udp(internet.authority.addresses["a.gtld-servers.net"], NAME, "TXT")

    assert len(referral(answer)) == 2


async def test_a_fault_with_a_count_ends_by_itself(internet: Internet, ask: Ask) -> None:
    internet.inject_fault(FaultKind.SERVFAIL, name=NAME, count=2)
    before = internet.version

    rcodes = [(await ask()).rcode() for _ in range(3)]

    assert rcodes == [Rcode.SERVFAIL, Rcode.SERVFAIL, Rcode.NOERROR]
    assert internet.version > before


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FaultKind.SERVFAIL, "SERVFAIL"),
        (FaultKind.REFUSED, "SERVFAIL"),
        (FaultKind.LAME, "SERVFAIL"),
        (FaultKind.TIMEOUT, "TIMEOUT"),
        (FaultKind.WRONG_ID, "TIMEOUT"),
        (FaultKind.GARBAGE, "TIMEOUT"),
        (FaultKind.NXDOMAIN, "NXDOMAIN"),
        (FaultKind.NODATA, "NODATA"),
        (FaultKind.TRUNCATE, "NOERROR"),
    ],
)
async def test_the_in_process_resolver_has_the_same_faults(
    internet: Internet, kind: FaultKind, status: str
) -> None:
    internet.publish(NAME, "TXT", "here")
    fault = internet.inject_fault(kind, zone="mnexa.ai")

    faulty = await internet.resolve(NAME, "TXT")
    internet.faults.remove(fault.id)
    recovered = await internet.resolve(NAME, "TXT")

    assert faulty.status == status
    assert recovered.values == ["here"]


async def test_resolution_succeeds_with_one_of_two_servers_failing(internet: Internet) -> None:
    internet.publish(NAME, "TXT", "here")
    internet.inject_fault(FaultKind.TIMEOUT, server=SERVER)

    answers = [await internet.resolve(NAME, "TXT") for _ in range(4)]

    assert {(answer.status, answer.name_server) for answer in answers} == {("NOERROR", OTHER)}


@pytest.mark.parametrize(
    "wire", [b"", b"truncated_answer", bytes(12), b"\x00\x01" + b"\x01\x00" + b"\xff" * 40]
)
async def test_a_malformed_query_does_not_affect_the_server(
    internet: Internet, ask: Ask, wire: bytes
) -> None:
    await internet.packets.respond(SERVER, wire, "udp")  # type: ignore[arg-type]

    assert values(await ask()) == ['"here"']
