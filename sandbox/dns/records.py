"""Names and records as the sandbox stores them, and their conversion from and to plain text.

Names are lower-case text without the trailing dot, in RFC 1035's presentation form; the root is "".
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
MAX_TTL = 2**32 - 1  # seconds; above the limit of RFC 2181, because some real servers send such values
_STRING_LIMIT = 255  # bytes in one character-string of a TXT, RFC 1035 section 3.3


class DnsError(ValueError):
    """An invalid request to the sandbox's DNS; the text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Soa:
    """A zone's start of authority; `minimum` is how many seconds a negative answer may be cached."""

    apex: str
    primary_name_server: str
    admin_email: str
    serial: int
    minimum: int


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record. Records with equal name, type and data are equal; the TTL (seconds) is ignored."""

    name: str
    type: RdataType
    data: dns.rdata.Rdata
    ttl: int = field(default=DEFAULT_TTL, compare=False)

    @property
    def value(self) -> str:
        """Return the data in plain form: names without the trailing dot, the strings of a TXT joined."""
        return plain_value(self.data)


@lru_cache(maxsize=65536)
def canonical(name: str) -> str:
    """Return the name's canonical spelling; raise DnsError for an invalid domain name."""
    return spelled(absolute(name))


def spelled(name: dns.name.Name) -> str:
    """Return the canonical spelling of a dnspython name."""
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def absolute(name: str) -> dns.name.Name:
    """Return the name as an absolute dnspython name, with or without a trailing dot."""
    try:
        return dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise DnsError(f"{name!r} is not a domain name ({error}). Use labels joined by dots.") from error


def parents(name: str) -> Iterator[str]:
    """Yield the name itself, then each name above it, the root ("") last."""
    while name:
        yield name
        name = name.partition(".")[2]
    yield ""


def within(name: str, apex: str) -> bool:
    """Return whether the name is the apex or is below it."""
    return not apex or name == apex or name.endswith("." + apex)


def read_type(text: str) -> RdataType:
    """Return the record type of that mnemonic; raise DnsError for an unknown one."""
    try:
        return RdataType.make(text.upper())
    except (dns.exception.DNSException, ValueError) as error:
        raise DnsError(f"{text!r} is not a record type. Use one such as CNAME, MX, TXT or A.") from error


def parse(
    name: str, rdtype: str, value: str, *, priority: int | None = None, ttl: int = DEFAULT_TTL
) -> Record:
    """Return a record made from a value as a user would paste it at a DNS provider.

    A TXT is taken literally and split into strings of 255 bytes. One that begins with a quote is parsed as in
    a zone file, so that any split and any stray quote can be expressed. Names are absolute.
    """
    type_ = read_type(rdtype)
    if not 0 <= ttl <= MAX_TTL:
        raise DnsError(f"The TTL {ttl} is out of range. Use a number of seconds between 0 and {MAX_TTL}.")
    try:
        return Record(canonical(name), type_, _data(type_, value, priority), ttl)
    except (dns.exception.DNSException, ValueError) as error:
        raise DnsError(
            f"{value!r} is not a valid {type_.name} value ({error}). Write it as in a zone file."
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
    """Return record data without presentation quoting and without trailing dots of names."""
    if isinstance(data, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(data.strings).decode(errors="surrogateescape")
    if isinstance(data, dns.rdtypes.ANY.MX.MX):
        return f"{data.preference} {spelled(data.exchange)}"
    if isinstance(data, dns.rdtypes.nsbase.NSBase):
        return spelled(data.target)
    return data.to_text()


@lru_cache(maxsize=4096)
def soa_record(soa: Soa) -> Record:
    """Return the SOA record of a zone, with the timers that providers commonly use."""
    admin = soa.admin_email.replace("@", ".", 1)
    text = f"{soa.primary_name_server}. {admin}. {soa.serial} 7200 900 1209600 {soa.minimum}"
    data = dns.rdata.from_text(dns.rdataclass.IN, RdataType.SOA, text)
    return Record(soa.apex, RdataType.SOA, data, soa.minimum)
