"""The headers a caller may add: all but those that forge or break, and values on one line each. Pure.

Letterhead, SES or mail servers set the others, so a header cannot change who sends an email, to whom, or how
it is read.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from chassis.addresses import BadAddress, is_plain, parse_address
from chassis.encoded_words import decoded
from chassis.field_reasons import BadValue

MAX_HEADERS = 50
# Characters in a line without its CRLF (RFC 5322 §2.1.1). Mail servers may cut or reject longer lines.
MAX_LINE = 998
MAX_NAME = 76
# References is folded over several lines; about a hundred Message-IDs fit.
MAX_REFERENCES = 8000
# Where a line may be folded: only at single spaces, as parsers differ on how many spaces a fold stands for.
BREAK = re.compile(r"(?<! ) (?! )")

_NAME = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,160}@[!-;=?A-~]{1,160}>")
_URL = re.compile(r"[!-;=?-~]+")  # printable ASCII without space and angle brackets
# Set from the request's own fields, or by who submits, signs and delivers the email (RFC 5322 §3.6, RFC 5321
# §4.4): they name its author, send something to others, or say how it was authenticated.
_RESERVED = frozenset({
    "from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version",
    "return-path", "errors-to", "bounces-to", "return-receipt-to", "delivered-to", "apparently-to",
    "envelope-to", "original-recipient", "authentication-results", "dkim-signature", "domainkey-signature",
    "bimi-indicator", "bimi-location",
})  # fmt: skip
_RESERVED_PREFIXES = (
    "content-", "resent-", "received", "arc-", "disposition-notification-", "x-ses-", "x-amz", "x-amazon",
)  # fmt: skip
# Mail programs read ids and URLs in these, and decode nothing (RFC 5322 §3.6.4, RFC 2369 §2).
_VERBATIM = frozenset({"in-reply-to", "references"})
_VERBATIM_PREFIX = "list-"
# Categories of characters that no value may contain, also not encoded: a program may decode it into a header.
_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})


class BadHeader(BadValue):
    """A header that is not accepted."""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """How recipients unsubscribe, unchecked; `mailto` is an address and may be empty."""

    url: str
    mailto: str
    one_click: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """A header that comes from its own request field; `problem` is None if that field is valid."""

    field: str
    name: str
    value: str
    problem: BadValue | None = None


def typed_headers(
    unsubscribe: Unsubscribe | None, in_reply_to: str, references: Sequence[str]
) -> Iterator[Typed]:
    """Yield the headers for the fields that are set."""
    if in_reply_to:
        yield Typed("in_reply_to", "In-Reply-To", in_reply_to, _message_id_problem(in_reply_to))
    if references:
        problems = filter(None, map(_message_id_problem, references))
        yield Typed("references", "References", " ".join(references), next(iter(problems), None))
    if unsubscribe is not None:
        yield from _unsubscribe_headers(unsubscribe)


def _message_id_problem(text: str) -> BadValue | None:
    return None if _MESSAGE_ID.fullmatch(text) else BadHeader("NOT_A_MESSAGE_ID")


def _unsubscribe_headers(unsubscribe: Unsubscribe) -> Iterator[Typed]:
    """Yield the unsubscribe headers; one-click unsubscribe requires an https URL (RFC 8058 §3.1)."""
    yield Typed(
        "list_unsubscribe.url",
        "List-Unsubscribe",
        ", ".join(
            [f"<{unsubscribe.url}>", *([f"<mailto:{unsubscribe.mailto}>"] if unsubscribe.mailto else [])]
        ),
        None if _is_https(unsubscribe.url) else BadHeader("NOT_AN_HTTPS_URL"),
    )
    if unsubscribe.mailto and (problem := _address_problem(unsubscribe.mailto)):
        yield Typed("list_unsubscribe.mailto", "List-Unsubscribe", "", problem)
    if unsubscribe.one_click:
        value = "List-Unsubscribe=One-Click"
        yield Typed("list_unsubscribe.one_click", "List-Unsubscribe-Post", value)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme == "https" and parts.hostname and _URL.fullmatch(url))


def _address_problem(address: str) -> BadValue | None:
    """Return what is wrong with a mailto address: `?`, `&`, `%` and `#` have a special meaning in a URL."""
    try:
        parse_address(address)
    except BadAddress as error:
        return error
    special = set(address) & set("?&%#")
    return BadAddress("MAILTO_CHARACTER") if special else None


def check_header(name: str, requested: str) -> str:
    """Return what a header says, with its encoded words decoded; raise BadValue unless it may be added."""
    if not is_allowed(name):
        raise BadHeader("RESERVED_HEADER")
    if _is_verbatim(name):
        value = requested
        if not _VALUE.fullmatch(value):
            raise BadHeader("NOT_ONE_LINE_OF_ASCII")
    elif not is_one_line(value := decoded(requested)):
        raise BadHeader("NOT_ONE_LINE")
    if "=?" in value:
        raise BadHeader("ENCODED_WORD")
    _check_length(name, value)
    return value


def _is_verbatim(name: str) -> bool:
    lower = name.lower()
    return lower in _VERBATIM or lower.startswith(_VERBATIM_PREFIX)


def is_one_line(value: str) -> bool:
    """Return whether a value has a visible start and end, and no line break or control character."""
    if is_plain(value):
        return bool(_VALUE.fullmatch(value))
    return value == value.strip() != "" and _BREAKS.isdisjoint(map(unicodedata.category, value))


def _check_length(name: str, value: str) -> None:
    """Raise BadHeader for a header that is too long; only References may be, if it can be folded."""
    if name.lower() != "references":
        if len(name) + 2 + len(value) > MAX_LINE:
            raise BadHeader("LINE_TOO_LONG", limit=MAX_LINE)
    elif len(value) > MAX_REFERENCES:
        raise BadHeader("TOO_LONG", limit=MAX_REFERENCES)
    elif len(name) + 2 + max(map(len, BREAK.split(value))) > MAX_LINE:
        raise BadHeader("LINE_TOO_LONG", limit=MAX_LINE)


def is_allowed(name: str) -> bool:
    """Return whether a caller may set a header with this name."""
    lower = name.lower()
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        return False
    return lower not in _RESERVED and not lower.startswith(_RESERVED_PREFIXES)
