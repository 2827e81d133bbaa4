"""SPF records: the grammar of RFC 7208 section 12, term by term. Pure; `resolver.spf` evaluates them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from string import ascii_letters, digits

VERSION = "v=spf1"


class Qualifier(StrEnum):
    """What a mechanism says about the addresses that it matches."""

    PASS = "+"  # noqa: S105 - a sign of SPF, not a secret
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"


class Kind(StrEnum):
    """The mechanisms, as they are written."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism; `target` is its domain-spec, empty where it means the record's own domain.

    `network` is that of `ip4` and `ip6`; the prefix lengths apply to the addresses of `a` and `mx`.
    """

    text: str
    kind: Kind
    qualifier: Qualifier
    target: str = ""
    network: IPv4Network | IPv6Network | None = None
    prefix4: int = 32
    prefix6: int = 128


@dataclass(frozen=True, slots=True)
class Policy:
    """The terms of a valid record, in their order; `redirect` is a domain-spec, empty without one."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""


class Flaw(StrEnum):
    """Why a term is not valid."""

    CHARACTER = "CHARACTER"  # a character that no term may contain, such as a tab or an en dash
    UNKNOWN = "UNKNOWN"  # neither a mechanism nor a modifier
    TARGET = "TARGET"  # the domain is missing, not allowed, or malformed
    ADDRESS = "ADDRESS"  # the IP address or its prefix length is malformed
    REPEATED = "REPEATED"  # a second `redirect` or `exp`


class SpfSyntaxError(ValueError):
    """A record is a permanent error: `term` is the first that is not valid.

    `suggestion` is the term that was probably meant; empty if none is likely.
    """

    def __init__(self, term: str, flaw: Flaw, suggestion: str = "") -> None:
        super().__init__(f"{flaw}: {term!r}")
        self.term = term
        self.flaw = flaw
        self.suggestion = suggestion


def is_spf(text: str) -> bool:
    """Return whether a TXT record is an SPF record: a space or nothing follows its version (section 4.5)."""
    return text[:6].lower() == VERSION and text[6:7] in ("", " ")


def parse(text: str) -> Policy:
    """Return the terms of an SPF record. Raise SpfSyntaxError if one is not valid, even after `all`."""
    try:
        return _policy(text)
    except SpfSyntaxError as error:
        raise SpfSyntaxError(error.term, error.flaw, _suggestion(error.term)) from None


def _policy(text: str) -> Policy:
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in _terms(text):
        if modifier := _MODIFIER.fullmatch(term):
            name, value = modifier["name"].lower(), modifier["value"]
            if name in modifiers and name in _ONCE:
                raise SpfSyntaxError(term, Flaw.REPEATED)
            _check_modifier(term, name, value)
            modifiers[name] = value
        else:
            mechanisms.append(_mechanism(term))
    return Policy(tuple(mechanisms), modifiers.get("redirect", ""))


_ONCE = ("redirect", "exp")
_MODIFIER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.*)", re.DOTALL)
_MECHANISM = re.compile(r"(?P<qualifier>[-+~?]?)(?P<name>[A-Za-z0-9]+)(?P<rest>(?:[:/].*)?)", re.DOTALL)
_PREFIXES = re.compile(r"(?P<before>.*?)(?:/(?P<four>0|[1-9]\d{0,2}))?(?://(?P<six>0|[1-9]\d{0,2}))?")
_EXPANDED = r"%\{[slodiphSLODIPH](?:[1-9]\d*)?[rR]?[-.+,/_=]*\}|%[%_-]"
_DOMAIN_SPEC = re.compile(rf"(?:{_EXPANDED}|[\x21-\x24\x26-\x7e])*")
_MACRO_STRING = re.compile(  # letters c, r and t stand only in explanations
    r"(?:%\{[slodiphcrtSLODIPHCRT](?:[1-9]\d*)?[rR]?[-.+,/_=]*\}|%[%_-]|[\x21-\x24\x26-\x7e])*"
)
_MACRO = re.compile(_EXPANDED)
_NAME_CHARACTERS = frozenset("-" + ascii_letters + digits)
_VISIBLE = re.compile(r"[\x21-\x7e]*")
# Characters that editors put in the place of others.
_DASHES = "\u2013\u2014\u2011\u2212"
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys(_DASHES, "-")
    | dict.fromkeys("\t\u00a0", " ")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u200b\ufeff\"'`;,\\", "")
)


def _terms(text: str) -> Iterator[str]:
    for term in text[len(VERSION) :].split(" "):
        if not _VISIBLE.fullmatch(term):
            raise SpfSyntaxError(term, Flaw.CHARACTER)
        if term:
            yield term


def _check_modifier(term: str, name: str, value: str) -> None:
    valid = _is_domain_spec(value) if name in _ONCE else bool(_MACRO_STRING.fullmatch(value))
    if not valid:
        raise SpfSyntaxError(term, Flaw.TARGET)


def _mechanism(term: str) -> Mechanism:
    found = _MECHANISM.fullmatch(term)
    name = found["name"].lower() if found else ""
    if found is None or name not in set(Kind):
        raise SpfSyntaxError(term, Flaw.UNKNOWN)
    kind, qualifier = Kind(name), Qualifier(found["qualifier"] or "+")
    return _READERS[kind](term, kind, qualifier, found["rest"])


def _all(term: str, kind: Kind, qualifier: Qualifier, rest: str) -> Mechanism:
    if rest:
        raise SpfSyntaxError(term, Flaw.TARGET)
    return Mechanism(term, kind, qualifier)


def _required_target(term: str, kind: Kind, qualifier: Qualifier, rest: str) -> Mechanism:
    return Mechanism(term, kind, qualifier, _target(term, rest))


def _optional_target(term: str, kind: Kind, qualifier: Qualifier, rest: str) -> Mechanism:
    return Mechanism(term, kind, qualifier, _target(term, rest) if rest else "")


def _addresses(term: str, kind: Kind, qualifier: Qualifier, rest: str) -> Mechanism:
    found = _PREFIXES.fullmatch(rest)
    assert found is not None  # every part of the pattern is optional
    before, four, six = found["before"], int(found["four"] or 32), int(found["six"] or 128)
    if four > 32 or six > 128:
        raise SpfSyntaxError(term, Flaw.ADDRESS)
    target = _target(term, before) if before else ""
    return Mechanism(term, kind, qualifier, target, prefix4=four, prefix6=six)


def _network(term: str, kind: Kind, qualifier: Qualifier, rest: str) -> Mechanism:
    written = re.fullmatch(r":([0-9A-Fa-f:.]+)(/(?:0|[1-9]\d{0,2}))?", rest)
    try:
        network = ip_network(f"{written[1]}{written[2] or ''}", strict=False) if written else None
    except ValueError:
        network = None
    if network is None or network.version != (4 if kind is Kind.IP4 else 6):
        raise SpfSyntaxError(term, Flaw.ADDRESS)
    return Mechanism(term, kind, qualifier, network=network)


def _target(term: str, rest: str) -> str:
    if not rest.startswith(":") or not _is_domain_spec(rest[1:]):
        raise SpfSyntaxError(term, Flaw.TARGET)
    return rest[1:]


def _is_domain_spec(text: str) -> bool:
    """Return whether text is a macro-string that ends with a macro, or with a dot and a top-level label."""
    if not _DOMAIN_SPEC.fullmatch(text):
        return False
    ends = [found.end() for found in _MACRO.finditer(text)]
    tail = text[ends[-1] :] if ends else text
    if ends and not tail:
        return True
    _, dot, label = tail.removesuffix(".").rpartition(".")
    proper = bool(label) and _NAME_CHARACTERS.issuperset(label) and "-" not in (label[0], label[-1])
    return bool(dot) and proper and not label.isdigit()


_READERS = {
    Kind.ALL: _all,
    Kind.INCLUDE: _required_target,
    Kind.EXISTS: _required_target,
    Kind.PTR: _optional_target,
    Kind.A: _addresses,
    Kind.MX: _addresses,
    Kind.IP4: _network,
    Kind.IP6: _network,
}


_JOINED = re.compile(r"([A-Za-z0-9.])([-+~?]all)$", re.IGNORECASE)  # two strings without a space between them


def _suggestion(term: str) -> str:
    """Return what was probably meant by a term that is not valid; empty if nothing is likely.

    Corrects characters that editors replace, a missing space before `all`, and misspelled names. The result
    is valid; it may be two terms.
    """
    apart = _JOINED.sub(r"\1 \2", term.translate(_TYPOGRAPHY))
    corrected = " ".join(filter(None, map(_corrected, apart.split(" "))))
    try:
        _policy(f"{VERSION} {corrected}")
    except SpfSyntaxError:
        return ""
    return corrected if corrected != term else ""


def _corrected(term: str) -> str:
    found = re.fullmatch(r"([-+~?]?)([A-Za-z0-9]+)((?:[:=/].*)?)", term)
    if found is None:
        return term
    qualifier, name, rest = found.groups()
    if name.lower() in (*Kind, *_ONCE):
        return term
    close = get_close_matches(name.lower(), (*Kind, *_ONCE), n=1, cutoff=0.6)
    return f"{qualifier}{close[0]}{rest}" if close else term
