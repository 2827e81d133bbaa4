"""Reads an email again before it leaves, by a parser that did not write it, and says where the two disagree.

A disagreement means that somebody else might read another author, recipient or header than we meant: it is
not sent.
"""

import re
from collections.abc import Iterator, Sequence
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import zip_longest

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
        if _mailboxes(read, name) != [(each.address, each.name) for each in addresses]:
            yield f"the addresses of {name}"


def _mailboxes(read: EmailMessage, name: str) -> Sequence[tuple[str, str]]:
    """Give the addresses of every header of that name; a defect makes them differ from what was meant."""
    found: list[tuple[str, str]] = []
    for header in read.get_all(name, []):
        found += [("", str(defect)) for defect in header.defects]
        found += [(each.addr_spec, each.display_name) for each in header.addresses]
    return found


def _body_problems(letter: Letter, read: EmailMessage) -> Iterator[str]:
    leaves = [part for part in read.walk() if not part.is_multipart()]
    if any(part.defects for part in read.walk()):
        yield "the structure"
    for meant, part in zip_longest(mime.parts(letter), leaves):
        if meant is None or part is None or meant != _leaf(part):
            yield "the bodies"
            return


def _leaf(part: EmailMessage) -> tuple[str, str]:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return part.get_content_subtype(), payload.decode("utf-8", "replace")
