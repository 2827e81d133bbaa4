"""Parses an email with mailparse, a parser in Rust that shares no code with Python's.

https://github.com/namecheap/fast_mail_parser binds https://docs.rs/mailparse.
"""

from collections.abc import Iterator, Sequence

from fast_mail_parser import PyAddress, PyMail, PyMimePart, parse_email, parse_email_tree, walk

from services.sender.mime_verification.readings import Body, Reading, shape
from services.sender.model.emails import Address

_FROM = b"From: "


def read(content: bytes) -> Reading:
    """Return what mailparse reads; raise ParseError."""
    email = parse_email(content)
    tree = parse_email_tree(content)
    return Reading(
        header_names=[name for name, values in tree.headers.items() for _ in values],
        mailboxes={
            "From": _authors(content, email),
            "To": _addresses(email.to),
            "Cc": _addresses(email.cc),
            "Reply-To": _addresses(email.reply_to),
        },
        subject=email.subject,
        values={name: value for name, values in tree.headers.items() for value in values},
        shape=_shape(tree),
        bodies=list(_bodies(tree)),
        repairs=[warning.kind for warning in email.warnings],
    )


def _addresses(found: Sequence[PyAddress]) -> list[Address]:
    return [Address(each.address, each.display_name or "") for each in found]


def _authors(content: bytes, email: PyMail) -> list[Address]:
    """Return every author; mailparse returns only the first of a From, so parse the From as a Bcc as well."""
    first = _addresses([email.from_] if email.from_ else [])
    if not content.startswith(_FROM):
        return first
    head = content.partition(b"\r\n\r\n")[0]
    listed = parse_email(b"Bcc: " + head.removeprefix(_FROM) + b"\r\n\r\n", mode="metadata").bcc
    return _addresses(listed) if _addresses(listed[:1]) == first else first + _addresses(listed)


def _bodies(tree: PyMimePart) -> Iterator[Body]:
    for part in walk(tree):
        if part.content is not None:
            yield Body(part.content_type, part.content, part.filename, part.content_id or "")


def _shape(part: PyMimePart) -> str:
    return shape(part.content_type, [_shape(child) for child in part.children])
