"""What a DNS message says, in the verifier's words. Knows dnspython's objects, sends nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from services.verifier.model.records import DEFINITE, Outcome, Value

ALIASES = 8  # CNAMEs followed from one name


@dataclass(frozen=True, slots=True)
class Referral:
    """A zone below the one that was asked, its servers, and the addresses that were given with them."""

    zone: str
    hosts: Mapping[str, tuple[str, ...]]
    ttl: int  # seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or the want of one; `apex` is the name of the zone that a negative answer came from."""

    outcome: Outcome
    values: tuple[Value, ...] = ()
    aliases: tuple[str, ...] = ()
    apex: str | None = None


Said = Referral | Reply

_RCODES = {
    dns.rcode.SERVFAIL: Outcome.SERVFAIL,
    dns.rcode.REFUSED: Outcome.REFUSED,
    dns.rcode.NOTAUTH: Outcome.LAME,
}


def usable(said: Said) -> bool:
    """Says whether this tells something of the name, or of where to ask on."""
    return isinstance(said, Referral) or said.outcome in DEFINITE or said.outcome is Outcome.LOOP


def classify(message: dns.message.Message, name: str, type_: str, zone: str) -> Said:
    """Returns what a server of `zone` said to a question."""
    rcode = message.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Reply(_RCODES.get(rcode, Outcome.MALFORMED))
    if not message.flags & dns.flags.AA:
        return _referral(message, name, zone) or Reply(Outcome.LAME)
    aliases, values = _follow(message, name, type_)
    apex = next((text(rrset.name) for rrset in _of(message.authority, dns.rdatatype.SOA)), None)
    if values:
        return Reply(Outcome.VALUES, values, aliases, apex)
    if len(aliases) > ALIASES or len({name, *aliases}) <= len(aliases):
        return Reply(Outcome.LOOP, (), aliases[:ALIASES], apex)
    absent = rcode == dns.rcode.NXDOMAIN and not aliases
    return Reply(Outcome.NXDOMAIN if absent else Outcome.NODATA, (), aliases, apex)


def text(name: dns.name.Name) -> str:
    """Returns a name in lower case without its trailing dot; the root is empty."""
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""


def _referral(message: dns.message.Message, name: str, zone: str) -> Referral | None:
    """Returns where a server points on to: strictly down from its zone, and towards the name."""
    for rrset in _of(message.authority, dns.rdatatype.NS):
        below = text(rrset.name)
        down = below != zone and (not zone or below.endswith(f".{zone}"))
        if down and (name == below or name.endswith(f".{below}")):
            hosts = {text(data.target): () for data in rrset}
            return Referral(below, hosts | _glue(message, zone, hosts), rrset.ttl)
    return None


def _glue(message: dns.message.Message, zone: str, hosts: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Returns the addresses a referral may tell: those of names inside the zone that refers."""
    glue: dict[str, tuple[str, ...]] = {}
    for type_ in (dns.rdatatype.A, dns.rdatatype.AAAA):
        for rrset in _of(message.additional, type_):
            host = text(rrset.name)
            if host in hosts and (not zone or host.endswith(f".{zone}")):
                glue[host] = (*glue.get(host, ()), *(data.address for data in rrset))
    return glue


def _follow(message: dns.message.Message, name: str, type_: str) -> tuple[tuple[str, ...], tuple[Value, ...]]:
    """Returns the CNAMEs that lead on from the name within one answer, and the values at their end."""
    answer = {(text(rrset.name), rrset.rdtype): rrset for rrset in message.answer}
    wanted = dns.rdatatype.from_text(type_)
    aliases: tuple[str, ...] = ()
    while (name, wanted) not in answer and len(aliases) <= ALIASES:
        alias = answer.get((name, dns.rdatatype.CNAME))
        if alias is None:
            return aliases, ()
        name = text(alias[0].target)
        aliases = (*aliases, name)
    rrset = answer.get((name, wanted))
    return aliases, tuple(map(_value, rrset)) if rrset is not None else ()


def _value(data: dns.rdata.Rdata) -> Value:
    match data:
        case MX():
            return Value(text(data.exchange) or ".", data.preference)
        case TXT():
            joined = b"".join(data.strings).replace(b"\0", b"\\000")  # Postgres keeps no NUL
            return Value(joined.decode("utf-8", "backslashreplace"))
        case CNAME():
            return Value(text(data.target))
    return Value(data.to_text())


def _of(section: list[dns.rrset.RRset], type_: dns.rdatatype.RdataType) -> Iterator[dns.rrset.RRset]:
    return (rrset for rrset in section if rrset.rdtype == type_)
