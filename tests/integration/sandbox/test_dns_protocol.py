"""Protocol details of the authoritative servers: unsupported queries, case, TCP."""

import asyncio
import struct

import dns.asyncquery
import dns.message
import dns.opcode
import pytest
from dns.message import Message
from dns.rcode import Rcode

from sandbox.dns import Internet
from sandbox.dns.packets import Transport
from tests.integration.sandbox.resolver import Resolver, values

SERVER = "ns1.dns-host.com"


async def asked(internet: Internet, query: Message) -> Message:
    return await dns.asyncquery.udp(
        query, internet.authority.addresses[SERVER], port=internet.port, timeout=1
    )


def notify() -> Message:
    query = dns.message.make_query("mnexa.ai", "SOA")
    query.set_opcode(dns.opcode.NOTIFY)
    return query


@pytest.mark.parametrize(
    ("query", "rcode"),
    [
        (dns.message.make_query("mnexa.ai", "AXFR"), Rcode.REFUSED),
        (dns.message.make_query("version.bind", "TXT", "CH"), Rcode.REFUSED),
        (dns.message.make_query("mnexa.ai", "TXT", use_edns=1), Rcode.BADVERS),
        (notify(), Rcode.NOTIMP),
    ],
    ids=["zone transfer", "another class", "a later EDNS version", "another opcode"],
)
async def test_an_unsupported_query_gets_the_right_error(
    internet: Internet, query: Message, rcode: Rcode
) -> None:
    internet.publish("mnexa.ai", "TXT", "here")

    assert (await asked(internet, query)).rcode() == rcode


async def test_a_malformed_query_gets_formerr_with_its_id(internet: Internet) -> None:
    wire = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\xff"

    answer = await internet.packets.respond(SERVER, wire, Transport.UDP)

    assert answer is not None
    assert (answer[:2], answer[3]) == (b"\x12\x34", Rcode.FORMERR)


async def test_the_case_of_the_question_is_preserved(internet: Internet) -> None:
    internet.publish("mnexa.ai", "TXT", "here")

    answer = await asked(internet, dns.message.make_query("mNeXa.aI", "TXT", use_edns=0))

    assert answer.question[0].name.to_text() == "mNeXa.aI."
    assert values(answer) == ['"here"']
    assert answer.edns == 0


async def test_one_tcp_connection_carries_many_queries(internet: Internet, resolver: Resolver) -> None:
    internet.publish("mnexa.ai", "TXT", "here")
    wire = dns.message.make_query("mnexa.ai", "TXT").to_wire()
    reader, writer = await asyncio.open_connection(internet.authority.addresses[SERVER], resolver.port)

    writer.write((struct.pack("!H", len(wire)) + wire) * 3)
    answers = []
    for _ in range(3):
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answers.append(dns.message.from_wire(await reader.readexactly(length)))
    writer.close()
    await writer.wait_closed()

    assert [values(answer) for answer in answers] == [['"here"']] * 3
