"""Parsing of domain names and labels as people type them, into A-labels or an error message.

Only this file uses the public suffix list and IDNA. Nothing here uses the network.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

import idna
from publicsuffixlist import PublicSuffixList

from chassis.field_reasons import BadValue

# RFC 1035 §2.3.4: 63 octets a label, 255 on the wire, which is 253 characters of text.
MAX_LABEL = 63
MAX_NAME = 253
# The longest record name puts a DKIM token of 32 characters and `._domainkey.` before the domain.
MAX_DOMAIN = MAX_NAME - len("." * 2 + "_domainkey") - 32
MAX_LABELS = 10
MAX_TYPED = 1000
DEFAULT_MAIL_FROM_LABEL = "send"

# IANA's registry of special-use domain names (RFC 6761 and its successors), and the top-level names that
# ICANN will never delegate: `internal` (2024), `home`, `corp` and `mail` (2018).
SPECIAL_USE = frozenset(
    {"alt", "arpa", "example", "invalid", "local", "localhost", "onion", "test"}
    | {"corp", "home", "internal", "mail"}
    | {"example.com", "example.net", "example.org"}
)

_SUFFIXES = PublicSuffixList(accept_unknown=True)
_LDH = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Some scripts need zero-width joiners; the IDNA library checks where they are allowed.
_JOINERS = "\u200c\u200d"

# Common input mistakes, each with the reason that says how to fix it.
_MISTAKES = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"^[.\u3002]?$", "MISSING"),
        (r"/", "WEB_ADDRESS"),
        (r"@", "EMAIL_ADDRESS"),
        (r"\s", "SPACE"),
        (r"\*", "WILDCARD"),
        (r"_", "UNDERSCORE"),
    )
)


class BadName(BadValue):
    """Invalid domain name or label."""


@dataclass(frozen=True, slots=True)
class DomainName:
    """A name that can be claimed."""

    name: str  # A-labels, lower case, no trailing dot
    display_name: str  # as typed, without a trailing dot


def parse_domain(typed: str) -> DomainName:
    """Return a typed domain name in normal form; raise BadName if it is invalid or cannot be claimed."""
    _reject_typing_mistakes(typed)
    shown = typed[:-1] if typed.endswith((".", "。")) else typed
    mapped = _mapped(shown)
    _reject_addresses(mapped)
    name = _a_labels(mapped)
    _reject_unclaimable(name)
    return DomainName(name, shown)


def parse_mail_from_label(typed: str, under: str) -> str:
    """Return the MAIL FROM label under a domain, in lower case; raise BadName if it is invalid."""
    label = typed.lower() or DEFAULT_MAIL_FROM_LABEL
    if not _LDH.fullmatch(label) or len(label) > MAX_LABEL or _reserved(label):
        raise BadName("NOT_A_LABEL")
    if len(label) > (limit := MAX_NAME - 1 - len(under)):
        raise BadName("TOO_LONG", limit=limit)
    return label


def _reject_typing_mistakes(typed: str) -> None:
    if len(typed) > MAX_TYPED:
        raise BadName("TOO_LONG", limit=MAX_NAME)
    for mistake, reason in _MISTAKES:
        if mistake.search(typed):
            raise BadName(reason)
    if any(_invisible(character) for character in typed):
        raise BadName("CONTROL_CHARACTER")


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf") and character not in _JOINERS


def _mapped(shown: str) -> str:
    """Return the name mapped by UTS 46, non-transitional as in browsers: ß stays ß."""
    try:
        mapped: str = idna.uts46_remap(shown, std3_rules=False)
    except idna.IDNAError:
        raise BadName("FORBIDDEN_CHARACTER") from None
    return mapped


def _reject_addresses(mapped: str) -> None:
    if _is_address(mapped):
        raise BadName("IP_ADDRESS")
    if ":" in mapped:
        raise BadName("PORT")


def _is_address(mapped: str) -> bool:
    """Return whether the text is an IP address, including inet_aton's forms such as `127.1` and `0x7f.1`."""
    try:
        ipaddress.ip_address(mapped.strip("[]"))
    except ValueError:
        return re.fullmatch(r"[0-9]+|0x[0-9a-f]*", mapped.rpartition(".")[2]) is not None
    return True


def _a_labels(mapped: str) -> str:
    name = ".".join(_a_label(label) for label in mapped.split("."))
    if len(name) > MAX_NAME:
        raise BadName("TOO_LONG", limit=MAX_NAME)
    return name


def _a_label(label: str) -> str:
    if not label:
        raise BadName("EMPTY_LABEL")
    if label.startswith("-") or label.endswith("-"):
        raise BadName("HYPHEN_AT_EDGE", label=_shown(label))
    if _reserved(label) and not label.startswith("xn--"):
        raise BadName("RESERVED_LABEL", label=_shown(label))
    encoded = _encoded(label)
    if len(encoded) > MAX_LABEL:
        raise BadName("LABEL_TOO_LONG", label=_shown(label), limit=MAX_LABEL)
    return encoded


def _encoded(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        if not _LDH.fullmatch(label):
            raise BadName("LABEL_CHARACTERS", label=_shown(label))
        return label
    try:
        return _round_trip(label)
    except idna.IDNAError:
        raise BadName("NOT_IDNA", label=_shown(label)) from None


def _round_trip(label: str) -> str:
    """Return a label's encoding; raise IDNAError for an A-label that is not in canonical form."""
    encoded: str = idna.alabel(idna.ulabel(label)).decode("ascii")
    if label.startswith("xn--") and encoded != label:
        raise idna.IDNAError("not a canonical A-label")
    return encoded


def _reserved(label: str) -> bool:
    """Return whether the label is a reserved LDH label (RFC 5890 §2.3.1)."""
    return label[2:4] == "--"


def _reject_unclaimable(name: str) -> None:
    labels = name.split(".")
    if len(labels) > MAX_LABELS:
        raise BadName("TOO_MANY_LABELS", limit=MAX_LABELS)
    for count in range(1, len(labels) + 1):
        if (special := ".".join(labels[-count:])) in SPECIAL_USE:
            raise BadName("SPECIAL_USE", suffix=special)
    if len(labels) == 1:
        raise BadName("TOP_LEVEL_DOMAIN")
    if _SUFFIXES.is_public(name):
        raise BadName("PUBLIC_SUFFIX")
    if len(name) > MAX_DOMAIN:
        raise BadName("TOO_LONG", limit=MAX_DOMAIN)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
