"""Converts dnspython's messages, with one record in each RRset, to the verifier's values. Sends nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
from dns.rdtypes.txtbase import TXTBase

from services.verifier.model.records import DEFINITE, Outcome, Value

ALIASES = 8  # the most CNAME records followed from one name


@dataclass(frozen=True, slots=True)
class Referral:
    """A delegation to a child zone: its name servers and their glue addresses."""

    zone: str
    hosts: Mapping[str, tuple[str, ...]]
    ttl: int  # seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer or its failure; `apex` is the owner name of the SOA record in the authority section.

    `contradictory` is true if a name has several CNAME records, or one beside other data.
    """

    outcome: Outcome
    values: tuple[Value, ...] = ()
    aliases: tuple[str, ...] = ()
    apex: str | None = None
    contradictory: bool = False


Response = Referral | Reply

_RCODES = {
    dns.rcode.SERVFAIL: Outcome.SERVFAIL,
    dns.rcode.REFUSED: Outcome.REFUSED,
    dns.rcode.NOTAUTH: Outcome.LAME,
}


def usable(response: Response) -> bool:
    """Return whether a reply answers the question or refers to another zone."""
    return isinstance(response, Referral) or response.outcome in DEFINITE or response.outcome is Outcome.LOOP


def classify(message: dns.message.Message, name: str, type_: str, zone: str) -> Response:
    """Return the referral or reply in a message from a server of `zone`."""
    rcode = message.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Reply(_RCODES.get(rcode, Outcome.MALFORMED))
    if not message.flags & dns.flags.AA:
        return _referral(message, name, zone) or Reply(Outcome.LAME)
    apex = next((text(rrset.name) for rrset in _of(message.authority, dns.rdatatype.SOA)), None)
    aliases, values, contradictory = _follow(message, name, type_)
    if values or contradictory:
        return Reply(Outcome.VALUES if values else Outcome.NODATA, values, aliases, apex, contradictory)
    if len(aliases) > ALIASES or len({name, *aliases}) <= len(aliases):
        return Reply(Outcome.LOOP, (), aliases[:ALIASES], apex)
    absent = rcode == dns.rcode.NXDOMAIN and not aliases
    return Reply(Outcome.NXDOMAIN if absent else Outcome.NODATA, (), aliases, apex)


def text(name: dns.name.Name) -> str:
    """Return a name in lower case without its trailing dot; the root is empty."""
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""


def _referral(message: dns.message.Message, name: str, zone: str) -> Referral | None:
    """Return the referral in a message, if it leads strictly below the server's zone and towards the name."""
    delegations: defaultdict[str, list[dns.rrset.RRset]] = defaultdict(list)
    for rrset in _of(message.authority, dns.rdatatype.NS):
        delegations[text(rrset.name)].append(rrset)
    for below, rrsets in delegations.items():
        down = below != zone and (not zone or below.endswith(f".{zone}"))
        if down and (name == below or name.endswith(f".{below}")):
            hosts = {text(data.target): () for rrset in rrsets for data in rrset}
            return Referral(below, hosts | _glue(message, zone, hosts), min(rrset.ttl for rrset in rrsets))
    return None


def _glue(message: dns.message.Message, zone: str, hosts: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Return the glue addresses that can be trusted: those of hosts inside the referring zone."""
    glue: dict[str, tuple[str, ...]] = {}
    for type_ in (dns.rdatatype.A, dns.rdatatype.AAAA):
        for rrset in _of(message.additional, type_):
            host = text(rrset.name)
            if host in hosts and (not zone or host.endswith(f".{zone}")):
                glue[host] = (*glue.get(host, ()), *(data.address for data in rrset))
    return glue


def _follow(
    message: dns.message.Message, name: str, type_: str
) -> tuple[tuple[str, ...], tuple[Value, ...], bool]:
    """Return the CNAME targets that follow from the name within one message, and the values at the end.

    The third value is whether they contradict each other: a name with several CNAME records, or with one
    beside other data, which RFC 1034 §3.6.2 forbids and each resolver reads in its own way.
    """
    answer: defaultdict[tuple[str, dns.rdatatype.RdataType], list[Value]] = defaultdict(list)
    for rrset in message.answer:
        answer[text(rrset.name), rrset.rdtype] += map(_value, rrset)
    wanted = dns.rdatatype.from_text(type_)
    aliases: tuple[str, ...] = ()
    while len(aliases) <= ALIASES:
        values = tuple(dict.fromkeys(answer[name, wanted]))
        targets = _targets(answer[name, dns.rdatatype.CNAME]) if wanted != dns.rdatatype.CNAME else ()
        if len(targets) != 1 or values:
            return (*aliases, *targets), values, bool(targets)
        [name] = targets
        aliases = (*aliases, name)
    return aliases, (), False


def _targets(values: Sequence[Value]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.text for value in values))


def _value(data: dns.rdata.Rdata) -> Value:
    match data:
        case MX():
            return Value(text(data.exchange) or ".", data.preference)
        case TXTBase():
            joined = b"".join(data.strings).replace(b"\0", b"\\000")  # Postgres text cannot hold NUL
            return Value(joined.decode("utf-8", "backslashreplace"))
        case CNAME():
            return Value(text(data.target))
    return Value(data.to_text())


def _of(section: list[dns.rrset.RRset], type_: dns.rdatatype.RdataType) -> Iterator[dns.rrset.RRset]:
    return (rrset for rrset in section if rrset.rdtype == type_)
