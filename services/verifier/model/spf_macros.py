"""Macros in the domain-specs of SPF records (RFC 7208 section 7). Pure."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from services.verifier.model.spf import Mechanism

Address = IPv4Address | IPv6Address

MOST_CHARACTERS = 253  # of a name; labels are removed from the left until it fits
_EXPAND = re.compile(r"%\{([a-zA-Z])(\d*)([rR]?)([-.+,/_=]*)\}|%([%_-])")
_LITERALS = {"%": "%", "_": " ", "-": "%20"}
_OF_ADDRESS = re.compile(r"%\{[ipvIPV]")


@dataclass(frozen=True, slots=True)
class Message:
    """What is known about an email: its MAIL FROM address, and the host name of the client in HELO."""

    sender: str
    helo: str


def depends_on_address(target: str) -> bool:
    """Return whether a domain-spec expands differently for different client addresses."""
    return bool(_OF_ADDRESS.search(target))


def target_of(mechanism: Mechanism, domain: str, address: Address, message: Message) -> str:
    """Return the name that a mechanism is about: its expanded domain-spec, or the record's own domain."""
    return expand(mechanism.target, domain, address, message) if mechanism.target else domain


def expand(spec: str, domain: str, address: Address, message: Message) -> str:
    """Return a domain-spec with its macros expanded, in lower case, without a trailing dot."""
    expanded = _EXPAND.sub(lambda found: _one(found, domain, address, message), spec)
    name = expanded.lower().removesuffix(".")
    while len(name) > MOST_CHARACTERS and "." in name:
        name = name.partition(".")[2]
    return name


def _one(found: re.Match[str], domain: str, address: Address, message: Message) -> str:
    letter, digits, reverse, delimiters, literal = found.groups()
    if literal:
        return _LITERALS[literal]
    split = str.maketrans(dict.fromkeys(delimiters or ".", "\n"))
    parts = _value(letter.lower(), domain, address, message).translate(split).split("\n")
    if reverse:
        parts.reverse()
    text = ".".join(parts[-int(digits) :] if digits else parts)
    return quote(text, safe="") if letter.isupper() else text


def _value(letter: str, domain: str, address: Address, message: Message) -> str:
    local, _, own = message.sender.rpartition("@")
    return {
        "s": message.sender,
        "l": local or "postmaster",
        "o": own,
        "d": domain,
        "i": dotted(address),
        "p": "unknown",  # a validated reverse name; the RFC says to avoid it, and allows this
        "v": "in-addr" if address.version == 4 else "ip6",
        "h": message.helo,
    }[letter]


def dotted(address: Address) -> str:
    """Return an address as macro `i` has it: IPv4 as usual, IPv6 as 32 hexadecimal digits with dots."""
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))
