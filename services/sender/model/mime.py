"""The MIME message of an email: only this module writes headers and structure.

Values were checked before (`drafts`), and other parsers verify the result (`mime_verification`). SES adds the
Message-ID and the signatures.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from services.sender.model.emails import Address, Attachment
from services.sender.model.headers import BREAK, MAX_LINE
from services.sender.model.media_types import calendar_method

FOLD = 78  # the preferred maximum of characters in a line, RFC 5322 §2.1.1
CRLF = "\r\n"
# An encoded word has at most 75 characters (RFC 2047 §2), 12 of them delimiters; base64 turns 3 bytes into 4.
_WORD_BYTES = 45
# Above this share of non-ASCII bytes, base64 is shorter than quoted-printable.
_BASE64_FROM = 1 / 6

_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# A parameter that all parsers read alike in quotes: without quotes, backslashes, semicolons and `=`.
_QUOTABLE = re.compile(r"[A-Za-z0-9 !#$&'()+,.@^_`{}~-]+")
# In quotes, these are part of a name; a parser that ignores the quotes would read an address.
_POSING = frozenset("<>@")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class MimeMessage:
    """The content of a MIME message; `boundary` must be impossible to guess and contain `=_`.

    Encoded text never contains `=_`, so no body can imitate a boundary.
    """

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
    attachments: Sequence[Attachment] = ()

    @property
    def shown(self) -> list[Attachment]:
        """Return the inline attachments, which the HTML body shows; none without an HTML body."""
        return [each for each in self.attachments if each.content_id and self.html is not None]

    @property
    def files(self) -> list[Attachment]:
        """Return the attachments that are not inline."""
        return [each for each in self.attachments if not each.content_id or self.html is None]


def build(message: MimeMessage) -> bytes:
    """Return the message as bytes: ASCII only, CRLF, no line longer than 998 characters."""
    content = CRLF.join([*_headers(message), *_entity(message)])
    return (content if content.endswith(CRLF) else content + CRLF).encode("ascii")


def parts(message: MimeMessage) -> list[tuple[str, str]]:
    """Return subtype and text of each body, plainest first (RFC 2046 §5.1.4), with CRLF line breaks.

    An invitation is the last one, so that mail programs show its answers (RFC 6047 §2.4).
    """
    bodies = [("plain", message.text), ("html", message.html), *_invitation(message.files)]
    return [(subtype, _LINE_BREAK.sub(CRLF, text)) for subtype, text in bodies if text is not None]


def _invitation(files: Sequence[Attachment]) -> Iterator[tuple[str, str]]:
    """Yield the subtype and the text of the first calendar with a method, if there is one."""
    for file in files:
        if method := calendar_method(file.content_type, file.content or b""):
            yield f"calendar; method={method}", (file.content or b"").decode()
            return


def header_fields(message: MimeMessage) -> list[tuple[str, str]]:
    """Return the headers before Content-Type, in order, folded."""
    mailboxes = (
        ("From", [message.sender]),
        ("To", message.to),
        ("Cc", message.cc),
        ("Reply-To", message.reply_to),
    )
    fields = [(name, _address_list(addresses)) for name, addresses in mailboxes if addresses]
    if message.subject:
        fields.append(("Subject", _unstructured("Subject", message.subject)))
    fields += [("Date", format_datetime(message.date)), ("MIME-Version", "1.0")]
    fields += [(name, _unstructured(name, value)) for name, value in message.headers.items()]
    return fields


def _headers(message: MimeMessage) -> Iterator[str]:
    for name, value in header_fields(message):
        yield f"{name}: {value}"


def _entity(message: MimeMessage) -> list[str]:
    """Return the needed parts of mixed(alternative(text, related(HTML, inline files), calendar), files)."""
    texts = parts(message)
    bodies = [_text(*body) for body in texts]
    if message.shown:
        html = [subtype for subtype, _ in texts].index("html")
        bodies[html] = _multipart(message, "related", [bodies[html], *map(_file, message.shown)])
    body = _multipart(message, "alternative", bodies) if len(bodies) > 1 else bodies[0]
    return _multipart(message, "mixed", [body, *map(_file, message.files)]) if message.files else body


def _multipart(message: MimeMessage, subtype: str, children: Sequence[Sequence[str]]) -> list[str]:
    """Join parts with boundaries; no boundary is a prefix of another one (RFC 2046 §5.1.1)."""
    boundary = f"{subtype}{message.boundary}"
    root = '; type="text/html"' if subtype == "related" else ""  # RFC 2387 §3.1
    lines = [f'Content-Type: multipart/{subtype}{root}; boundary="{boundary}"', ""]
    for child in children:
        lines += [f"--{boundary}", *child]
    return [*lines, f"--{boundary}--"]


def _file(attachment: Attachment) -> list[str]:
    """Return the MIME part of a file, with an empty body if its content was erased."""
    disposition = "inline" if attachment.content_id else "attachment"
    content_id = [f"Content-ID: <{attachment.content_id}>"] if attachment.content_id else []
    return [
        f"Content-Type: {attachment.content_type}",
        f"Content-Disposition: {disposition};{CRLF} {_file_name(attachment.file_name)}",
        *content_id,
        "Content-Transfer-Encoding: base64",
        "",
        _base64(attachment.content or b""),
    ]


def _file_name(name: str) -> str:
    if _QUOTABLE.fullmatch(name):
        return f'filename="{name}"'
    return f"filename*=utf-8''{quote(name, safe='')}"  # RFC 2231 §4


def _text(subtype: str, text: str) -> list[str]:
    encoding, encoded = _encoded(text.encode())
    return [
        f"Content-Type: text/{subtype}; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        "",
        encoded,
    ]


def _encoded(body: bytes) -> tuple[str, str]:
    non_ascii = len(body) - len(body.decode().encode("ascii", "ignore"))
    if non_ascii > len(body) * _BASE64_FROM:
        return "base64", _base64(body)
    # b2a_qp writes soft line breaks like the body's first line break, and as LF if it has none.
    return "quoted-printable", binascii.b2a_qp(body).decode().replace("=\n", f"={CRLF}")


def _base64(content: bytes) -> str:
    return base64.encodebytes(content).decode().rstrip("\n").replace("\n", CRLF)


def _address_list(addresses: Sequence[Address]) -> str:
    return f",{CRLF} ".join(map(_mailbox, addresses))


def _mailbox(address: Address) -> str:
    if address.name:
        return f"{_phrase(address.name)} <{address.address}>"
    # Some parsers read a local part in quotes only in angle brackets.
    return f"<{address.address}>" if address.address.startswith('"') else address.address


def _phrase(name: str) -> str:
    if _PLAIN.fullmatch(name) and "=?" not in name and _POSING.isdisjoint(name):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    return _encoded_words(name)


def _unstructured(name: str, text: str) -> str:
    """Return text as it is if every parser reads it alike; otherwise return encoded words."""
    longest = max(map(len, BREAK.split(text)))
    if _PLAIN.fullmatch(text) and "=?" not in text and longest <= MAX_LINE - len(name) - 2:
        return _folded(name, text)
    return _encoded_words(text)


def _encoded_words(text: str) -> str:
    return f"{CRLF} ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in _chunks(text))


def _chunks(text: str) -> Iterator[bytes]:
    """Split text into pieces that fit an encoded word, never inside a character (RFC 2047 §5)."""
    chunk = b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > _WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += encoded
    yield chunk


def _folded(name: str, value: str) -> str:
    """Fold a value before single spaces, so that unfolding returns it unchanged."""
    lines, line = [], f"{name}:"
    for token in BREAK.split(value):
        if len(line) + 1 + len(token) > FOLD and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {token}"
    lines.append(line)
    return CRLF.join(lines)[len(name) + 2 :]
