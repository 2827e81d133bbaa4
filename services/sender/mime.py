"""The bytes of an email: every header and all structure are written here, and by nobody else.

Values come in checked (`drafts`); what goes out is read again by another parser (`proofreading`). Message-ID
and the signatures are SES's.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from services.sender.headers import MAX_LINE
from services.sender.model import Address

FOLD = 78  # characters a line should keep to, RFC 5322 §2.1.1
CRLF = "\r\n"
# An encoded word has at most 75 characters (RFC 2047 §2), of which 12 are its frame; base64 makes 4 of 3
# bytes.
_WORD_BYTES = 45
# Above this share of bytes beyond ASCII, base64 is shorter than quoted-printable.
_BASE64_FROM = 1 / 6

_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# Where a line may be broken: readers differ on how many spaces stand at a break, so there is but one.
_BREAK = re.compile(r"(?<! ) (?! )")


@dataclass(frozen=True, slots=True)
class Letter:
    """All that the bytes are made of; `boundary` must be one that nobody can guess."""

    sender: Address
    to: Sequence[Address]
    cc: Sequence[Address]
    reply_to: Sequence[Address]
    subject: str
    date: datetime
    boundary: str
    text: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def build(letter: Letter) -> bytes:
    """Write the email: ASCII alone, CRLF, no line longer than 998 characters."""
    content = CRLF.join([*_headers(letter), *_body(letter)])
    return (content if content.endswith(CRLF) else content + CRLF).encode("ascii")


def parts(letter: Letter) -> list[tuple[str, str]]:
    """Give subtype and text of each body, plainest first (RFC 2046 §5.1.4), with the line breaks of mail."""
    bodies = (("plain", letter.text), ("html", letter.html))
    return [(subtype, _LINE_BREAK.sub(CRLF, text)) for subtype, text in bodies if text is not None]


def header_fields(letter: Letter) -> list[tuple[str, str]]:
    """Give the headers above the structure's own, in order, folded."""
    mailboxes = (
        ("From", [letter.sender]),
        ("To", letter.to),
        ("Cc", letter.cc),
        ("Reply-To", letter.reply_to),
    )
    fields = [(name, _address_list(addresses)) for name, addresses in mailboxes if addresses]
    if letter.subject:
        fields.append(("Subject", _unstructured("Subject", letter.subject)))
    fields += [("Date", format_datetime(letter.date)), ("MIME-Version", "1.0")]
    fields += [(name, _folded(name, value)) for name, value in letter.headers.items()]
    return fields


def _headers(letter: Letter) -> Iterator[str]:
    for name, value in header_fields(letter):
        yield f"{name}: {value}"


def _body(letter: Letter) -> Iterator[str]:
    bodies = parts(letter)
    if len(bodies) == 1:
        yield from _part(*bodies[0])
        return
    yield f'Content-Type: multipart/alternative; boundary="{letter.boundary}"'
    yield ""
    for body in bodies:
        yield f"--{letter.boundary}"
        yield from _part(*body)
    yield f"--{letter.boundary}--"


def _part(subtype: str, text: str) -> Iterator[str]:
    encoding, encoded = _encoded(text.encode())
    yield f"Content-Type: text/{subtype}; charset=utf-8"
    yield f"Content-Transfer-Encoding: {encoding}"
    yield ""
    yield encoded


def _encoded(body: bytes) -> tuple[str, str]:
    beyond = len(body) - len(body.decode().encode("ascii", "ignore"))
    if beyond > len(body) * _BASE64_FROM:
        return "base64", base64.encodebytes(body).decode().rstrip("\n").replace("\n", CRLF)
    # Soft line breaks follow the body's first line break, and are bare where it has none.
    return "quoted-printable", binascii.b2a_qp(body).decode().replace("=\n", f"={CRLF}")


def _address_list(addresses: Sequence[Address]) -> str:
    return f",{CRLF} ".join(map(_mailbox, addresses))


def _mailbox(address: Address) -> str:
    return f"{_phrase(address.name)} <{address.address}>" if address.name else address.address


def _phrase(name: str) -> str:
    if _PLAIN.fullmatch(name) and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    return _encoded_words(name)


def _unstructured(name: str, text: str) -> str:
    """Give text as it is where that is safe: where no parser could take it for something else."""
    longest = max(map(len, _BREAK.split(text)))
    if _PLAIN.fullmatch(text) and "=?" not in text and longest < MAX_LINE - len(name) - 2:
        return _folded(name, text)
    return _encoded_words(text)


def _encoded_words(text: str) -> str:
    return f"{CRLF} ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in _chunks(text))


def _chunks(text: str) -> Iterator[bytes]:
    """Cut into pieces that fit an encoded word, never inside a character (RFC 2047 §5)."""
    chunk = b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > _WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += encoded
    yield chunk


def _folded(name: str, value: str) -> str:
    """Break lines before spaces; a reader that joins them again has the value as it was."""
    lines, line = [], f"{name}:"
    for token in _BREAK.split(value):
        if len(line) + 1 + len(token) > FOLD and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {token}"
    lines.append(line)
    return CRLF.join(lines)[len(name) + 2 :]
