"""A network inside: a DNS server that answers what a test says, and listeners that count every connection."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

import dns.message
import dns.rdatatype
import dns.rrset

from cli.server_process import free_port
from services.deliverer.config import Posting
from services.deliverer.posting import Poster, open_poster

# The only address of this network that the operator allows; it stands for a host on the public Internet.
PUBLIC = "127.0.0.2"
INSIDE = ("127.0.0.1", "127.0.0.3", "::1")

# Returns the addresses with which a query for a name is answered.
Answers = Callable[[str], Sequence[str]]


@dataclass
class Network:
    """The listeners, all on one port, and how many connections each address has had."""

    port: int
    nameserver: str
    connections: dict[str, int] = field(default_factory=dict)

    @property
    def inside(self) -> int:
        """Return how many connections arrived at addresses inside."""
        return sum(count for address, count in self.connections.items() if address != PUBLIC)

    @asynccontextmanager
    async def poster(self, *allowed: str) -> AsyncIterator[Poster]:
        """Open a poster that resolves names here and may connect to the allowed networks."""
        settings = Posting(
            webhook_nameserver=self.nameserver,
            webhook_ports=("443", str(self.port)),
            webhook_allowed_networks=allowed,
        )
        async with open_poster(settings) as poster:
            yield poster


@asynccontextmanager
async def a_network(answers: Answers) -> AsyncIterator[Network]:
    """Serve DNS and listen at every address while the block runs."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Dns(answers), local_addr=("127.0.0.1", 0))
    host, port, *_ = transport.get_extra_info("sockname")
    network = Network(free_port(), f"{host}:{port}")
    servers = [await _listening(network, address) for address in (PUBLIC, *INSIDE)]
    try:
        yield network
    finally:
        for server in servers:
            server.close()
        transport.close()


async def _listening(network: Network, address: str) -> asyncio.Server:
    network.connections[address] = 0

    async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        network.connections[address] += 1
        writer.close()

    return await asyncio.start_server(count, address, network.port)


class _Dns(asyncio.DatagramProtocol):
    """Answers queries for A and AAAA, with a TTL of 0."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # a subclass only from Python 3.12 on

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        [question] = query.question
        version = 6 if question.rdtype == dns.rdatatype.AAAA else 4
        answers = self._answers(question.name.to_text(omit_final_dot=True).lower())
        if texts := [each for each in answers if ip_address(each).version == version]:
            response.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", question.rdtype, texts))
        self._transport.sendto(response.to_wire(), addr)


def spellings(port: int) -> Iterator[str]:
    """Yield URLs that some client would take to an address inside, or that parsers read in several ways."""
    for host in _HOSTS.split():
        yield f"https://{host}:{port}/"
    for url in _SHAPES.split():
        yield url.replace("PORT", str(port))


# Literals in decimal, octal and hexadecimal, short, mapped and embedded in IPv6, with zone ids; names; IDN.
_HOSTS = """
127.0.0.1 127.0.0.3 127.1 127.0.1 127.0.0.1. 127.1. 2130706433 2130706433. 017700000001 0177.0.0.1
0177.0.0.01 0177.1 0x7f000001 0x7F000001 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0x7f.1 0x7f.1. 0x7f.0.1 127.0x1
127.00.00.01 127.000.000.001 0 0.0.0.0 0.0 00 0x0 0x 1 0x1 10.0.0.1 10.1 167772161 0xa000001 012.0.0.1
100.64.0.1 172.16.0.1 172.31.255.255 192.168.0.1 192.168.1 0xc0a80001 3232235521 0300.0250.0.1
169.254.169.254 169.254.43518 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.170.2 198.18.0.1 224.0.0.1
239.1.1.1 240.0.0.1 255.255.255.255 4294967295 [::1] [::] [0:0:0:0:0:0:0:1]
[0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1]
[::FFFF:127.0.0.1] [::ffff:7f00:1] [::ffff:7f00:0001] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:10.0.0.1]
[::ffff:a9fe:a9fe] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe]
[64:ff9b:1::7f00:1] [2002:7f00:1::] [2002:7f00:0001::1] [2002:a00:1::] [2002:a9fe:a9fe::] [2001::1]
[2001:0:7f00:1::] [2001:0:4136:e378:8000:63bf:80ff:fffe] [2001:0:0:0:0:0:80ff:fffe] [fe80::1] [fe80::1%25lo]
[fe80::1%lo] [::1%25lo] [::1%lo] [::1%1] [fc00::1] [fd00:ec2::254] [fec0::1] [ff02::1] [100::1]
[2001:db8::1] [127.0.0.1] ::1 [[::1]] [::1]. [v1.127.0.0.1] [0x7f000001] localhost LOCALHOST localhost.
LocalHost.localdomain app.localhost ip6-localhost local. x.local. router.lan. nas.home
metadata.google.internal metadata.google.internal. kubernetes.default.svc kubernetes.default.svc. postgres
nats. %6c%6f%63%61%6c%68%6f%73%74 127%2e0%2e0%2e1 %31%32%37.0.0.1 127.0.0.1%00.acme.com
127.0.0.1%2f.acme.com \uff11\uff12\uff17.0.0.1 \u2460\u2461\u2466.0.0.1 127\u30020\u30020\u30021
127\uff0e0\uff0e0\uff0e1 \u2488\u2489.0.0.1 l\u043ecalhost
\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3 loc\u00adalhost h\u00f6hle.acme.com
"""
# User names, ports, backslashes, schemes and delimiters.
_SHAPES = r"""
https://acme.com@127.0.0.1:PORT/ https://127.0.0.1@acme.com:PORT/ https://user:pass@127.0.0.1:PORT/
https://@127.0.0.1:PORT/ https://:@127.0.0.1:PORT/ https://acme.com%40127.0.0.1:PORT/
https://acme.com\@127.0.0.1:PORT/ https://127.0.0.1:PORT\@acme.com/ https://acme.com#@127.0.0.1:PORT/
https://127.0.0.1:PORT#acme.com https://acme.com?@127.0.0.1:PORT/ https://acme.com;@127.0.0.1:PORT/
https://127.0.0.1;acme.com:PORT/ https://127.0.0.1,acme.com:PORT/ https:127.0.0.1:PORT/
https:/127.0.0.1:PORT/ https:///127.0.0.1:PORT/ https:\127.0.0.1:PORT\ //127.0.0.1:PORT/
http://127.0.0.1:PORT/ http://acme.com:PORT/ ftp://127.0.0.1:PORT/ HTTPS://127.0.0.1:PORT/
hTTps://[::1]:PORT/ https://acme.com:0PORT/ https://acme.com:+PORT/ https://acme.com:PORT:PORT/
https://acme.com:22/ https://acme.com:5432/ https://acme.com:4222/ https://acme.com:65536/
https://acme.com:-1/ https://acme.com:/ https://127.0.0.1:PORT https://127.0.0.1:PORT?x
https://.127.0.0.1:PORT/ https://127..0.0.1:PORT/
"""
