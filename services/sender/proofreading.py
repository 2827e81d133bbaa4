"""Reads an email again before it leaves, by a parser that did not write it, and says where the two disagree.

A disagreement means that somebody else might read another author, recipient or header than we meant: it is
not sent.
"""

import re
from collections.abc import Iterator
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses

from services.sender import mime
from services.sender.headers import MAX_LINE
from services.sender.mime import Letter

_PARSER = BytesParser(policy=policy.SMTP)
_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_FOLD = re.compile(r"\r\n(?= )")


def disagreements(letter: Letter, content: bytes) -> list[str]:
    """Name what the parser read otherwise than it was meant; empty when all is the same."""
    read = _PARSER.parsebytes(content)
    assert isinstance(read, EmailMessage)
    return [
        *_wire_problems(content),
        *_header_problems(letter, read),
        *_mailbox_problems(letter, read),
        *_body_problems(letter, read),
    ]


def _wire_problems(content: bytes) -> Iterator[str]:
    if not content.isascii() or b"\0" in content:
        yield "a byte that is not printable ASCII"
    if _BARE_BREAK.search(content):
        yield "a bare CR or LF"
    if max(map(len, content.split(b"\r\n"))) > MAX_LINE:
        yield "a line that is too long"


def _header_problems(letter: Letter, read: EmailMessage) -> Iterator[str]:
    """Compare names, their number and order, and the values that were meant to be read as they are."""
    meant = [name for name, _ in mime.header_fields(letter)]
    structure = ["Content-Type", *(["Content-Transfer-Encoding"] if not read.is_multipart() else [])]
    if read.keys() != meant + structure:
        yield "the headers"
    if letter.subject and str(read["Subject"]) != letter.subject:
        yield "the subject"
    raw = dict(read.raw_items())
    for name, value in letter.headers.items():
        if _FOLD.sub("", str(raw.get(name, ""))) != value:
            yield f"the header {name}"


def _mailbox_problems(letter: Letter, read: EmailMessage) -> Iterator[str]:
    meant = {"From": [letter.sender], "To": letter.to, "Cc": letter.cc, "Reply-To": letter.reply_to}
    for name, addresses in meant.items():
        if _addresses(read, name) != [each.address for each in addresses]:
            yield f"the addresses of {name}"
        if _names(read, name) != [(each.name, each.address) for each in addresses]:
            yield f"the names of {name}"


def _addresses(read: EmailMessage, name: str) -> list[str]:
    """Give the addresses of every header of that name; a defect makes them differ from what was meant."""
    found: list[str] = []
    for header in read.get_all(name, []):
        found += map(str, header.defects)
        found += [each.addr_spec for each in header.addresses]
    return found


def _names(read: EmailMessage, name: str) -> list[tuple[str, str]]:
    """Give names and addresses by the older parser: the newer one puts spaces between encoded words.

    https://github.com/python/cpython/issues/79728
    """
    raw = [_FOLD.sub("", str(value)) for header, value in read.raw_items() if header == name]
    return [(str(make_header(decode_header(phrase))), address) for phrase, address in getaddresses(raw)]


def _body_problems(letter: Letter, read: EmailMessage) -> Iterator[str]:
    leaves = [part for part in read.walk() if not part.is_multipart()]
    if any(part.defects for part in read.walk()):
        yield "the structure"
    meant = [_ended(subtype, text) for subtype, text in mime.parts(letter)]
    if [_leaf(part) for part in leaves] != meant:
        yield "the bodies"


def _leaf(part: EmailMessage) -> tuple[str, str]:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return _ended(part.get_content_subtype(), payload.decode("utf-8", "replace"))


def _ended(subtype: str, text: str) -> tuple[str, str]:
    """Take the line break off that ends a body: an email's last line has one, whether the text had or not."""
    return subtype, text.removesuffix("\r\n")
