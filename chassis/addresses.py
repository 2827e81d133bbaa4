"""The addresses and names that are accepted: plain addr-specs, and names that do not look like one. Pure.

All mail parsers agree on a plain addr-spec. They differ on anything richer, and such differences are used to
forge a From (RFC 5322 §3.4 allows comments, quotes, groups and routes, and each has been used). A recipient
forges nothing, so it may have more: any name, and dots anywhere before the @.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import idna

from chassis.encoded_words import has_encoded_word
from chassis.field_reasons import BadValue

MAX_ADDRESS = 254  # characters, RFC 3696 erratum 1690
MAX_LOCAL_PART = 64  # RFC 5321 §4.5.3.1.1
MAX_NAME = 200

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOTTED = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

# Characters that look like `<`, `>` and `@`, besides those that NFKC folds to them (UTS 39).
_LOOKALIKES = frozenset(
    "\u2039\u203a\u2329\u232a\u3008\u3009\u27e8\u27e9\u276c\u276d\u276e\u276f\u2770\u2771"
    "\u02c2\u02c3\u1438\u1433\u227a\u227b\u29fc\u29fd\u24d0\u24b6"
)
_POSING = frozenset("<>@") | _LOOKALIKES
# Joiners that scripts and emoji need; every other format character hides or reverses what is shown.
JOINERS = frozenset("\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")
# Letters and marks that are displayed as nothing (Unicode's Default_Ignorable_Code_Point, Braille's blank).
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class BadAddress(BadValue):
    """An address or a name that is not accepted."""


def is_plain(text: str) -> bool:
    """Return whether a text is printable ASCII, as most are: a fast check before one of each character."""
    return text.isascii() and text.isprintable()


def parse_address(text: str) -> str:
    """Return the addr-spec with its domain as lower-case A-labels; raise BadAddress."""
    return _parsed(text, _local_part)


def parse_recipient(text: str) -> str:
    """Return the addr-spec of a recipient as `parse_address` does, in quotes if its dots need them.

    Japanese carriers issued addresses such as `ada..l@docomo.ne.jp`. RFC 5321 §4.1.2 and SES take them only
    as `"ada..l"@docomo.ne.jp`.
    """
    return _parsed(text, _recipient_local_part)


def match_of(address: str) -> str:
    """Return the form by which addresses are compared: in lower case, without quotes."""
    return address.strip().lower().replace('"', "")


def _parsed(text: str, local_part_of: Callable[[str], str]) -> str:
    if len(text) > MAX_ADDRESS:
        raise BadAddress("TOO_LONG", limit=MAX_ADDRESS)
    if not is_plain(text) and any(map(_is_unshown, text)):
        raise BadAddress("CONTROL_CHARACTER")
    if any(map(str.isspace, text)):
        raise BadAddress("SPACE" if text.count("@") < 2 else "NOT_A_PLAIN_ADDRESS")  # two are a list
    local_part, at, domain = text.rpartition("@")
    if not (at and local_part and domain):
        raise BadAddress("NOT_AN_ADDRESS")
    address = f"{local_part_of(local_part)}@{_domain(domain)}"
    if len(address) > MAX_ADDRESS:
        raise BadAddress("TOO_LONG", limit=MAX_ADDRESS)
    return address


def check_recipient_name(text: str) -> str:
    """Return a recipient's display name unchanged; raise BadAddress if it hides something."""
    if len(text) > MAX_NAME:
        raise BadAddress("TOO_LONG", limit=MAX_NAME)
    if not is_plain(text) and (JOINERS.issuperset(text) or any(map(_is_hidden, text))):
        raise BadAddress("CONTROL_CHARACTER")
    if text != text.strip():
        raise BadAddress("SPACE_AT_EDGE")
    return text


def check_name(text: str) -> str:
    """Return a display name unchanged; raise BadAddress if it looks like an address or hides something."""
    if len(text) > MAX_NAME:
        raise BadAddress("TOO_LONG", limit=MAX_NAME)
    if is_plain(text) and _POSING.isdisjoint(text) and "=?" not in text and text == text.strip():
        return text
    if JOINERS.issuperset(text) or any(map(_is_hidden, text)):
        raise BadAddress("CONTROL_CHARACTER")
    if has_encoded_word(text):
        raise BadAddress("ENCODED_WORD")
    if not _POSING.isdisjoint(text) or not _POSING.isdisjoint(unicodedata.normalize("NFKC", text)):
        raise BadAddress("RESEMBLES_AN_ADDRESS")
    if text != text.strip():
        raise BadAddress("SPACE_AT_EDGE")
    return text


def _local_part(text: str) -> str:
    if len(text) > MAX_LOCAL_PART:
        raise BadAddress("LOCAL_PART_TOO_LONG", limit=MAX_LOCAL_PART)
    if not text.isascii():
        raise BadAddress("LOCAL_PART_NOT_ASCII")
    if "=?" in text:
        raise BadAddress("ENCODED_WORD")
    if not _DOT_ATOM.fullmatch(text):
        raise BadAddress("NOT_A_PLAIN_ADDRESS")
    return text


def _recipient_local_part(text: str) -> str:
    bare = text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else text
    if not _DOTTED.fullmatch(bare) or _DOT_ATOM.fullmatch(bare) or "=?" in bare:
        return _local_part(bare if _DOTTED.fullmatch(bare) else text)
    if len(bare) > MAX_LOCAL_PART - 2:
        raise BadAddress("LOCAL_PART_TOO_LONG", limit=MAX_LOCAL_PART)
    return f'"{bare}"'


def _is_hidden(char: str) -> bool:
    return char in _BLANKS or (unicodedata.category(char) in _UNSHOWN and char not in JOINERS)


def _is_unshown(char: str) -> bool:
    return unicodedata.category(char) in _UNSHOWN


@lru_cache(maxsize=4096)  # most emails go to a few domains
def _domain(text: str) -> str:
    domain = text.lower() if text.isascii() else _a_labels(text)
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise BadAddress("NO_DOMAIN_NAME", value=repr(text[:80]))
    if labels[-1].isdigit():
        raise BadAddress("DOMAIN_IS_AN_IP_ADDRESS")
    return domain


def _a_labels(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode()
    except idna.IDNAError:
        raise BadAddress("NO_DOMAIN_NAME", value=repr(text[:80])) from None
