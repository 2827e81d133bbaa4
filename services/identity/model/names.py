"""Domain names as people type them, and labels: into A-labels, or a sentence about what is wrong.

The one file that knows the public suffix list and IDNA. Nothing here asks the network.
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
# The longest record name adds a DKIM token of 32 characters and `._domainkey.` to the domain.
MAX_DOMAIN = MAX_NAME - len("." * 2 + "_domainkey") - 32
MAX_LABELS = 10
MAX_TYPED = 1000
DEFAULT_MAIL_FROM_LABEL = "send"

# IANA's registry of special-use names (RFC 6761 and what followed), and top-level names that ICANN keeps
# out of the root for good: `internal` (2024), `home`, `corp` and `mail` (2018).
SPECIAL_USE = frozenset(
    {"alt", "arpa", "example", "invalid", "local", "localhost", "onion", "test"}
    | {"corp", "home", "internal", "mail"}
    | {"example.com", "example.net", "example.org"}
)

_SUFFIXES = PublicSuffixList(accept_unknown=True)
_LDH = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Joiners are letters' business in some scripts; IDNA itself says where they may stand.
_JOINERS = "\u200c\u200d"

# What people type instead of a name, each with what to do.
_MISTAKES = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"^[.\u3002]?$", "is empty; type the domain to send as, such as mail.your-company.com"),
        (r"/", "is a web address; type the domain alone, without `https://` and path"),
        (r"@", "is an email address; type only what stands after the @"),
        (r"\s", "holds a space; type one name without spaces"),
        (r"\*", "is a wildcard; create each exact name that shall send"),
        (r"_", "holds an underscore, which no sending domain may; type what stands after the @ of From"),
    )
)


class BadName(ValueError):
    """The name cannot be used; its text is a sentence without a subject, ending in what to do."""


@dataclass(frozen=True, slots=True)
class DomainName:
    """A name that can be claimed."""

    name: str  # A-labels, lower case, no trailing dot
    display_name: str  # as typed, without a trailing dot


def parse_domain(typed: str) -> DomainName:
    """Reads a domain name; raises BadName."""
    _refuse_what_is_no_name(typed)
    shown = typed[:-1] if typed.endswith((".", "。")) else typed
    mapped = _mapped(shown)
    _refuse_addresses(mapped)
    name = _a_labels(mapped)
    _refuse_unclaimable(name)
    return DomainName(name, shown)


def parse_mail_from_label(typed: str, under: str) -> str:
    """Reads the label that bounces return to, under a domain; raises BadName."""
    label = typed.lower() or DEFAULT_MAIL_FROM_LABEL
    if not _LDH.fullmatch(label) or len(label) > MAX_LABEL or _reserved(label):
        raise BadName(
            "is not a label; use one word of 1 to 63 letters, digits and inner hyphens, such as send"
        )
    if len(label) + 1 + len(under) > MAX_NAME:
        raise BadName(f"makes a name longer than {MAX_NAME} characters with the domain; choose a shorter one")
    return label


def _refuse_what_is_no_name(typed: str) -> None:
    if len(typed) > MAX_TYPED:
        raise BadName(f"is longer than the {MAX_NAME} characters that DNS allows; type the domain alone")
    for mistake, sentence in _MISTAKES:
        if mistake.search(typed):
            raise BadName(sentence)
    if any(_invisible(character) for character in typed):
        raise BadName("holds an invisible character; type the name by hand instead of pasting it")


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf") and character not in _JOINERS


def _mapped(shown: str) -> str:
    """Folds case, width and dots by UTS 46, not transitional, as browsers do: ß stays ß."""
    try:
        mapped: str = idna.uts46_remap(shown, std3_rules=False)
    except idna.IDNAError:
        raise BadName("holds a character that no domain name may; use letters, digits and hyphens") from None
    return mapped


def _refuse_addresses(mapped: str) -> None:
    if _is_address(mapped):
        raise BadName("is an IP address; type a domain name, such as mail.your-company.com")
    if ":" in mapped:
        raise BadName("holds a colon; type the domain alone, without a port")


def _is_address(mapped: str) -> bool:
    """Tells every spelling of an address that inet_aton knows, too: `127.1`, `0x7f.1` end in a number."""
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
        raise BadName("has two dots in a row, or one in front; type the name with single dots")
    if label.startswith("-") or label.endswith("-"):
        raise BadName(f"has a label that begins or ends with a hyphen: {_quoted(label)}; take it away")
    if _reserved(label) and not label.startswith("xn--"):
        raise BadName(f"has a label with hyphens third and fourth, DNS's mark of IDN: {_quoted(label)}")
    encoded = _encoded(label)
    if len(encoded) > MAX_LABEL:
        raise BadName(f"has a label of {len(encoded)} characters: {_quoted(label)}; DNS allows {MAX_LABEL}")
    return encoded


def _encoded(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        if not _LDH.fullmatch(label):
            raise BadName(f"has more than letters, digits and hyphens in {_quoted(label)}; type it without")
        return label
    try:
        return _round_trip(label)
    except idna.IDNAError:
        raise BadName(
            f"has a label that IDNA2008 does not allow: {_quoted(label)}; use another name"
        ) from None


def _round_trip(label: str) -> str:
    """Encodes a label; an A-label has to be the encoding of what it decodes to."""
    encoded: str = idna.alabel(idna.ulabel(label)).decode("ascii")
    if label.startswith("xn--") and encoded != label:
        raise idna.IDNAError("not the encoding of any label")
    return encoded


def _reserved(label: str) -> bool:
    """R-LDH labels (RFC 5890 §2.3.1)."""
    return label[2:4] == "--"


def _refuse_unclaimable(name: str) -> None:
    labels = name.split(".")
    if len(labels) > MAX_LABELS:
        raise BadName(f"has {len(labels)} labels; use a name of at most {MAX_LABELS}")
    for count in range(1, len(labels) + 1):
        if (special := ".".join(labels[-count:])) in SPECIAL_USE:
            raise BadName(f"ends in `{special}`, a special-use name; use a domain that you own")
    if len(labels) == 1:
        raise BadName("is a top-level domain; type the whole name, such as mail.your-company.com")
    if _SUFFIXES.is_public(name):
        raise BadName("is a public suffix, under which others register names; use a domain you own under it")
    if len(name) > MAX_DOMAIN:
        raise BadName(f"is {len(name)} characters long; at most {MAX_DOMAIN} leave room for DKIM records")


def _quoted(text: str) -> str:
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"
