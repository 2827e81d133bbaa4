"""A small iterative resolver based on dnspython, independent of the sandbox's code."""

from dataclasses import dataclass, field

import dns.asyncquery
import dns.flags
import dns.message
import dns.rdatatype

PATIENCE = 0.5  # seconds; the timeout of one query


@dataclass
class Resolver:
    """Resolves from the root; `asked` lists the addresses that answered on the way."""

    root: str
    port: int
    asked: list[str] = field(default_factory=list)

    async def udp(
        self, address: str, name: str, rdtype: str, *, use_edns: int | None = None
    ) -> dns.message.Message:
        """Query one server over UDP, without EDNS unless `use_edns=0` is given."""
        query = dns.message.make_query(name, rdtype, flags=0, use_edns=use_edns)
        return await dns.asyncquery.udp(query, address, port=self.port, timeout=PATIENCE)

    async def tcp(self, address: str, name: str, rdtype: str) -> dns.message.Message:
        """Query one server over TCP."""
        query = dns.message.make_query(name, rdtype, flags=0)
        return await dns.asyncquery.tcp(query, address, port=self.port, timeout=PATIENCE)

    async def walk(self, name: str, rdtype: str) -> dns.message.Message:
        """Follow referrals from the root until a server gives an authoritative answer."""
        address = self.root
        for _ in range(10):
            answer = await self.udp(address, name, rdtype)
            self.asked.append(address)
            if answer.flags & dns.flags.AA:
                return answer
            address = glue(answer) or await self._address_of(referral(answer)[0])
        raise AssertionError(f"no answer for {name} after ten referrals")

    async def _address_of(self, host: str) -> str:
        answer = await Resolver(self.root, self.port).walk(host, "A")
        return values(answer)[0]


def values(answer: dns.message.Message) -> list[str]:
    """Return the data of the answer section, in presentation form."""
    return [data.to_text() for rrset in answer.answer for data in rrset]


def referral(answer: dns.message.Message) -> list[str]:
    """Return the name servers that an answer refers to."""
    return [
        data.to_text() for rrset in answer.authority if rrset.rdtype == dns.rdatatype.NS for data in rrset
    ]


def glue(answer: dns.message.Message) -> str | None:
    """Return the first address in the additional section, or None."""
    return next((data.to_text() for rrset in answer.additional for data in rrset), None)
