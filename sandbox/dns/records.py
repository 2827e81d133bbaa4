"""Names and records as the sandbox keeps them; turns what a person would type into DNS data and back.

Names are lower-case text without the last dot, in RFC 1035's presentation form; the root is the empty text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.rdtypes.nsbase
from dns.rdatatype import RdataType

DEFAULT_TTL = 300  # seconds
MAX_TTL = 2**32 - 1  # seconds; more than RFC 2181 allows, since servers exist that send it
_STRING_LIMIT = 255  # bytes in one character-string of a TXT, RFC 1035 section 3.3


class DnsMistake(ValueError):
    """What was asked of the sandbox's DNS makes no sense; the text says what to do instead."""


@dataclass(frozen=True, slots=True)
class Soa:
    """The start of a zone's authority; `minimum` is how many seconds a negative answer may be kept."""

    apex: str
    primary_name_server: str
    admin_email: str
    serial: int
    minimum: int


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record. Two are equal when name, type and data are, whatever their TTL in seconds."""

    name: str
    type: RdataType
    data: dns.rdata.Rdata
    ttl: int = field(default=DEFAULT_TTL, compare=False)

    @property
    def value(self) -> str:
        """The data as a person reads it: names without the last dot, a TXT's strings joined."""
        return plain_value(self.data)


@lru_cache(maxsize=65536)
def canonical(name: str) -> str:
    """The one spelling under which a name is kept; raises DnsMistake for what is no domain name."""
    return spelled(absolute(name))


def spelled(name: dns.name.Name) -> str:
    """That spelling of a name of dnspython's."""
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def absolute(name: str) -> dns.name.Name:
    """The name as dnspython's, absolute whether or not it was typed with a dot at the end."""
    try:
        return dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise DnsMistake(f"{name!r} is not a domain name ({error}): give labels joined by dots.") from error


def parents(name: str) -> Iterator[str]:
    """The name itself, then each name above it, the root ("") last."""
    while name:
        yield name
        name = name.partition(".")[2]
    yield ""


def within(name: str, apex: str) -> bool:
    """Whether the name is the apex or lies below it."""
    return not apex or name == apex or name.endswith("." + apex)


def read_type(text: str) -> RdataType:
    """The record type of that mnemonic; raises DnsMistake for one that does not exist."""
    try:
        return RdataType.make(text.upper())
    except (dns.exception.DNSException, ValueError) as error:
        raise DnsMistake(f"{text!r} is not a record type: use one such as CNAME, MX, TXT or A.") from error


def parse(
    name: str, rdtype: str, value: str, *, priority: int | None = None, ttl: int = DEFAULT_TTL
) -> Record:
    """A record from what a person would paste at a DNS provider.

    A TXT is taken as it stands and cut into strings of 255 bytes; one that begins with a quote is read as in
    a zone file, so that every split and every stray quote can be expressed. Names are absolute.
    """
    type_ = read_type(rdtype)
    if not 0 <= ttl <= MAX_TTL:
        raise DnsMistake(f"A record's TTL is a number of seconds between 0 and {MAX_TTL}.")
    try:
        return Record(canonical(name), type_, _data(type_, value, priority), ttl)
    except (dns.exception.DNSException, ValueError) as error:
        raise DnsMistake(
            f"{value!r} is no value for type {type_.name} ({error}): write it as in a zone file."
        ) from error


def _data(type_: RdataType, value: str, priority: int | None) -> dns.rdata.Rdata:
    if type_ == RdataType.TXT and not value.startswith('"'):
        octets = value.encode()
        strings = [octets[at : at + _STRING_LIMIT] for at in range(0, len(octets), _STRING_LIMIT)]
        return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, type_, strings or [b""])
    if type_ == RdataType.MX and priority is not None and " " not in value.strip():
        value = f"{priority} {value}"
    return dns.rdata.from_text(dns.rdataclass.IN, type_, value, origin=dns.name.root, relativize=False)


def plain_value(data: dns.rdata.Rdata) -> str:
    """Record data without presentation quoting and without the names' last dots."""
    if isinstance(data, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(data.strings).decode(errors="surrogateescape")
    if isinstance(data, dns.rdtypes.ANY.MX.MX):
        return f"{data.preference} {spelled(data.exchange)}"
    if isinstance(data, dns.rdtypes.nsbase.NSBase):
        return spelled(data.target)
    return data.to_text()


@lru_cache(maxsize=4096)
def soa_record(soa: Soa) -> Record:
    """The SOA record of a zone, with timers as providers commonly set them."""
    admin = soa.admin_email.replace("@", ".", 1)
    text = f"{soa.primary_name_server}. {admin}. {soa.serial} 7200 900 1209600 {soa.minimum}"
    data = dns.rdata.from_text(dns.rdataclass.IN, RdataType.SOA, text)
    return Record(soa.apex, RdataType.SOA, data, soa.minimum)
