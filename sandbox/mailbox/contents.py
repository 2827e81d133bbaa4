"""The visible parts of an email: addresses, subject, text and HTML. Malformed headers are tolerated."""

import email
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

_BODY_LIMIT = 1_000_000  # characters shown of each body


@dataclass(frozen=True, slots=True)
class Contents:
    """An email's visible parts: its decoded headers in order, and the rest as a mail client shows it."""

    headers: tuple[tuple[str, str], ...]
    from_: str
    from_addresses: tuple[str, ...]
    reply_to: str
    to: str
    subject: str
    text: str | None
    html: str | None


def read_contents(raw: bytes) -> Contents:
    """Parse an email; never raise, whatever the email contains."""
    parsed = email.message_from_bytes(raw)
    headers = tuple((name, _decoded(value)) for name, value in parsed.items())
    first = {name.lower(): value for name, value in reversed(headers)}
    return Contents(
        headers=headers,
        from_=first.get("from", ""),
        from_addresses=_addresses(parsed, "From"),
        reply_to=first.get("reply-to", ""),
        to=first.get("to", ""),
        subject=first.get("subject", ""),
        text=_body(parsed, "text/plain"),
        html=_body(parsed, "text/html"),
    )


def _decoded(value: object) -> str:
    text = " ".join(str(value).split())
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _addresses(parsed: Message, header: str) -> tuple[str, ...]:
    values = [str(value) for value in parsed.get_all(header, [])]
    return tuple(address for _, address in getaddresses(values))


def _body(parsed: Message, content_type: str) -> str | None:
    for part in parsed.walk():
        if part.get_content_type() != content_type or part.get_content_disposition() == "attachment":
            continue
        octets = part.get_payload(decode=True)
        if isinstance(octets, bytes):
            return _text(octets, part.get_content_charset("utf-8"))
    return None


def _text(octets: bytes, charset: str) -> str:
    try:
        return octets.decode(charset, "replace")[:_BODY_LIMIT]
    except LookupError:
        return octets.decode("utf-8", "replace")[:_BODY_LIMIT]
