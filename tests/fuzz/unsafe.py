"""Unsafe ways to build a message, each with a real-world mistake that the harness must detect."""

from dataclasses import replace
from datetime import datetime

from services.sender.commands.drafts import draft
from services.sender.commands.specs import EmailSpec
from services.sender.model import mime
from services.sender.model.emails import Draft
from services.sender.model.mime import CRLF, MimeMessage
from tests.fuzz.pieces import GUESS


def unquoted(message: MimeMessage) -> bytes:
    """Write an ASCII name without quotes; a comma in it makes two authors."""
    name, address = message.sender.name, message.sender.address
    written = mime.build(message)
    if not name or not name.isascii():
        return written
    rest = mime.build(replace(message, sender=replace(message.sender, name=""))).partition(CRLF.encode())[2]
    return f"From: {name} <{address}>{CRLF}".encode() + rest


def trusting(request: EmailSpec, now: datetime) -> Draft:
    """Check everything except the headers."""
    made = draft(replace(request, headers={}), now)
    return replace(made, content=replace(made.content, headers=request.headers))


def pasted(message: MimeMessage) -> bytes:
    """Write callers' headers unchecked."""
    head, rest = mime.build(replace(message, headers={})).split(b"MIME-Version: 1.0\r\n", 1)
    extra = "".join(f"{name}: {value}{CRLF}" for name, value in message.headers.items())
    return head + b"MIME-Version: 1.0\r\n" + extra.encode() + rest


def guessable(message: MimeMessage) -> bytes:
    """Write ASCII alternatives unencoded, with a boundary that a caller can guess."""
    bodies = mime.parts(message)
    if len(bodies) == 1 or not all(text.isascii() for _, text in bodies):
        return mime.build(message)
    lines = [f"{name}: {value}" for name, value in mime.header_fields(message)]
    lines += [f'Content-Type: multipart/alternative; boundary="{GUESS}"', ""]
    for subtype, text in bodies:
        lines += [f"--{GUESS}", f"Content-Type: text/{subtype}; charset=utf-8", "", text]
    return CRLF.join([*lines, f"--{GUESS}--", ""]).encode()
