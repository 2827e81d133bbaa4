"""The headers a caller may add: an allow-list, and values that stay one line each. Pure.

All other headers are ours alone, SES's directives above all: nobody sends as another through a header.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.sender.model.addresses import BadAddress, parse_address

MAX_HEADERS = 50
# A line, without its line break (RFC 5322 §2.1.1). Longer ones are cut or refused on the way.
MAX_LINE = 998
MAX_NAME = 76
# A thread's Message-IDs are broken over lines; some hundred of them fit.
MAX_REFERENCES = 8000
# Where a line may be broken: readers differ on how many spaces stand at a break, so there is but one.
BREAK = re.compile(r"(?<! ) (?! )")

_NAME = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_THREADING = frozenset({"in-reply-to", "references"})
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,160}@[!-;=?A-~]{1,160}>")
_URL = re.compile(r"[!-;=?-~]+")  # printable ASCII without space and angle brackets
_SES = ("x-ses-", "x-amz", "x-amazon")


class BadHeader(ValueError):
    """A header that is not taken; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """How readers unsubscribe, unchecked; `mailto` is an address, and may be empty."""

    url: str
    mailto: str
    one_click: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """A header made of a field of its own, and what is wrong with that field; empty: nothing."""

    field: str
    name: str
    value: str
    problem: str = ""


def typed_headers(
    unsubscribe: Unsubscribe | None, in_reply_to: str, references: Sequence[str]
) -> Iterator[Typed]:
    """Give the headers of the fields that are there."""
    if in_reply_to:
        yield Typed("in_reply_to", "In-Reply-To", in_reply_to, _message_id_problem(in_reply_to))
    if references:
        problems = list(filter(None, map(_message_id_problem, references)))
        yield Typed("references", "References", " ".join(references), "".join(problems[:1]))
    if unsubscribe is not None:
        yield from _unsubscribe_headers(unsubscribe)


def _message_id_problem(text: str) -> str:
    return "" if _MESSAGE_ID.fullmatch(text) else "is not a Message-ID like <id@host>"


def _unsubscribe_headers(asked: Unsubscribe) -> Iterator[Typed]:
    """RFC 8058 §3.1: one click needs an https URL."""
    yield Typed(
        "list_unsubscribe.url",
        "List-Unsubscribe",
        ", ".join([f"<{asked.url}>", *([f"<mailto:{asked.mailto}>"] if asked.mailto else [])]),
        "" if _is_https(asked.url) else "is not an https URL in ASCII",
    )
    if asked.mailto and (problem := _address_problem(asked.mailto)):
        yield Typed("list_unsubscribe.mailto", "List-Unsubscribe", "", problem)
    if asked.one_click:
        value = "List-Unsubscribe=One-Click"
        yield Typed("list_unsubscribe.one_click", "List-Unsubscribe-Post", value)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme == "https" and parts.hostname and _URL.fullmatch(url))


def _address_problem(address: str) -> str:
    """A plain address may hold `?`, `&`, `%` and `#`, which mean something else in a URL."""
    try:
        parse_address(address)
    except BadAddress as error:
        return str(error)
    return (
        "has one of ? & % # in it, which a mailto URL reads otherwise" if set(address) & set("?&%#") else ""
    )


def check_header(name: str, value: str) -> None:
    """Raise BadHeader unless the header may be added as it is."""
    if not is_allowed(name):
        raise BadHeader(
            "may not be set; allowed are In-Reply-To, References, List-* and X-* (not X-SES-*, X-Amz*)"
        )
    if not _VALUE.fullmatch(value):
        raise BadHeader("must be printable ASCII on one line, not empty, without a space at either end")
    if "=?" in value:
        raise BadHeader('has "=?" in it, an encoded word: some readers show it decoded, and others do not')
    _check_length(name, value)


def _check_length(name: str, value: str) -> None:
    """Only References grows with a thread; it needs a place to be broken at."""
    if name.lower() != "references":
        if len(name) + 2 + len(value) > MAX_LINE:
            raise BadHeader(f"is longer than a line may be, {MAX_LINE} characters with its name")
    elif len(value) > MAX_REFERENCES:
        raise BadHeader(f"is longer than {MAX_REFERENCES} characters; leave out Message-IDs after the first")
    elif len(name) + 2 + max(map(len, BREAK.split(value))) > MAX_LINE:
        raise BadHeader("has no single space in time to break its line at; put one between Message-IDs")


def is_allowed(name: str) -> bool:
    """Say whether a caller may set the header of this name."""
    lower = name.lower()
    if len(name) > MAX_NAME or not _NAME.fullmatch(name) or lower.startswith(_SES):
        return False
    return lower in _THREADING or lower.startswith(("list-", "x-"))
