"""Parsing of domain names and labels as people type them, into A-labels or an error message.

Only this file uses the public suffix list and IDNA. Nothing here uses the network.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

import idna
from publicsuffixlist import PublicSuffixList

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

# Common input mistakes, each with a message that says how to fix it.
_MISTAKES = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"^[.\u3002]?$", "is empty; enter the domain to send from, such as mail.your-company.com"),
        (r"/", "is a web address; enter only the domain, without `https://` and path"),
        (r"@", "is an email address; enter only the part after the @"),
        (r"\s", "contains a space; enter one name without spaces"),
        (r"\*", "is a wildcard; create each exact name that you send from"),
        (r"_", "contains an underscore; enter the domain after the @ of your From address"),
    )
)


class BadName(ValueError):
    """Invalid domain name or label; the text is a sentence without its subject and says how to fix it."""


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
        raise BadName("is not a valid label; use 1 to 63 letters, digits and inner hyphens, such as `send`")
    if len(label) + 1 + len(under) > MAX_NAME:
        raise BadName(f"and the domain together exceed {MAX_NAME} characters; choose a shorter label")
    return label


def _reject_typing_mistakes(typed: str) -> None:
    if len(typed) > MAX_TYPED:
        raise BadName(f"is longer than the {MAX_NAME} characters that DNS allows; enter only the domain")
    for mistake, sentence in _MISTAKES:
        if mistake.search(typed):
            raise BadName(sentence)
    if any(_invisible(character) for character in typed):
        raise BadName("contains an invisible character; type the name instead of pasting it")


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf") and character not in _JOINERS


def _mapped(shown: str) -> str:
    """Return the name mapped by UTS 46, non-transitional as in browsers: ß stays ß."""
    try:
        mapped: str = idna.uts46_remap(shown, std3_rules=False)
    except idna.IDNAError:
        raise BadName("contains a character that DNS names do not allow; use letters and digits") from None
    return mapped


def _reject_addresses(mapped: str) -> None:
    if _is_address(mapped):
        raise BadName("is an IP address; enter a domain name, such as mail.your-company.com")
    if ":" in mapped:
        raise BadName("contains a colon; enter only the domain, without a port")


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
        raise BadName(f"is {len(name)} characters long; DNS allows {MAX_NAME}")
    return name


def _a_label(label: str) -> str:
    if not label:
        raise BadName("starts with a dot or has two dots in a row; enter the name with single dots")
    if label.startswith("-") or label.endswith("-"):
        raise BadName(f"has a label that begins or ends with a hyphen: {_quoted(label)}; remove it")
    if _reserved(label) and not label.startswith("xn--"):
        raise BadName(
            f"has hyphens in positions 3 and 4 of {_quoted(label)}, which IDN reserves; use another name"
        )
    encoded = _encoded(label)
    if len(encoded) > MAX_LABEL:
        raise BadName(f"has a label of {len(encoded)} characters: {_quoted(label)}; DNS allows {MAX_LABEL}")
    return encoded


def _encoded(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        if not _LDH.fullmatch(label):
            raise BadName(f"has a label with more than letters, digits and hyphens: {_quoted(label)}")
        return label
    try:
        return _round_trip(label)
    except idna.IDNAError:
        raise BadName(
            f"has a label that IDNA2008 does not allow: {_quoted(label)}; use another name"
        ) from None


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
        raise BadName(f"has {len(labels)} labels; use a name of at most {MAX_LABELS}")
    for count in range(1, len(labels) + 1):
        if (special := ".".join(labels[-count:])) in SPECIAL_USE:
            raise BadName(f"ends in `{special}`, a special-use name; use a domain that you own")
    if len(labels) == 1:
        raise BadName("is a top-level domain; enter the full name, such as mail.your-company.com")
    if _SUFFIXES.is_public(name):
        raise BadName("is a public suffix; use a domain that you own under it")
    if len(name) > MAX_DOMAIN:
        raise BadName(f"is {len(name)} characters long; its DKIM records allow at most {MAX_DOMAIN}")


def _quoted(text: str) -> str:
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"
