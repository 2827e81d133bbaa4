"""Three ways from a request to bytes that are each wrong as somebody's were: the harness must see it."""

from dataclasses import replace
from datetime import datetime

from services.sender.commands.drafts import Wish, draft
from services.sender.model import mime
from services.sender.model.emails import Draft
from services.sender.model.mime import CRLF, Letter
from tests.fuzz.pieces import GUESS


def unquoted(letter: Letter) -> bytes:
    """Writes a plain name before its address as it is; a comma in it makes two authors."""
    name, address = letter.sender.name, letter.sender.address
    written = mime.build(letter)
    if not name or not name.isascii():
        return written
    rest = mime.build(replace(letter, sender=replace(letter.sender, name=""))).partition(CRLF.encode())[2]
    return f"From: {name} <{address}>{CRLF}".encode() + rest


def trusting(wish: Wish, now: datetime) -> Draft:
    """Checks all but the headers."""
    made = draft(replace(wish, headers={}), now)
    return replace(made, content=replace(made.content, headers=wish.headers))


def pasted(letter: Letter) -> bytes:
    """Writes callers' headers as they are."""
    head, rest = mime.build(replace(letter, headers={})).split(b"MIME-Version: 1.0\r\n", 1)
    extra = "".join(f"{name}: {value}{CRLF}" for name, value in letter.headers.items())
    return head + b"MIME-Version: 1.0\r\n" + extra.encode() + rest


def guessable(letter: Letter) -> bytes:
    """Writes alternatives in ASCII as they are, between boundaries that their writer can guess."""
    bodies = mime.parts(letter)
    if len(bodies) == 1 or not all(text.isascii() for _, text in bodies):
        return mime.build(letter)
    lines = [f"{name}: {value}" for name, value in mime.header_fields(letter)]
    lines += [f'Content-Type: multipart/alternative; boundary="{GUESS}"', ""]
    for subtype, text in bodies:
        lines += [f"--{GUESS}", f"Content-Type: text/{subtype}; charset=utf-8", "", text]
    return CRLF.join([*lines, f"--{GUESS}--", ""]).encode()
