"""Parses an email with Python's own parsers: the older for structure and names, the newer for addresses."""

import re
from collections.abc import Iterator, Sequence
from email import policy
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader, UnstructuredHeader
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses
from typing import Any

from chassis.addresses import match_of
from services.sender.mime_verification.readings import MAILBOX_HEADERS, Body, Reading, shape
from services.sender.model.emails import Address

_PARSER = BytesParser(policy=policy.compat32)
_FOLD = re.compile(r"\r\n(?=[ \t])")

Fields = Sequence[tuple[str, str]]  # name and unfolded value


def read(content: bytes) -> Reading:
    """Return what Python reads; malformed bytes may raise any exception."""
    email = _PARSER.parsebytes(content)
    fields = [(name, _FOLD.sub("", str(value))) for name, value in email.raw_items()]
    return Reading(
        header_names=[name for name, _ in fields],
        mailboxes={name: _mailboxes(fields, name) for name in MAILBOX_HEADERS},
        subject=" ".join(map(_text, _values(fields, "Subject"))),
        values={name: _text(value) if "=?" in value else value for name, value in fields},
        shape=_shape(email),
        bodies=[_body(part) for part in email.walk() if not part.is_multipart()],
        repairs=[*_defects(email), *_address_repairs(fields)],
    )


def _values(fields: Fields, name: str) -> list[str]:
    return [value for header, value in fields if header.lower() == name.lower()]


def _text(value: str) -> str:
    found: dict[str, Any] = {}
    UnstructuredHeader.parse(value, found)
    return str(found["decoded"])


def _mailboxes(fields: Fields, name: str) -> list[Address]:
    """Return names and addresses from the older parser; the newer one puts spaces between encoded words.

    https://github.com/python/cpython/issues/79728
    """
    found = getaddresses(_values(fields, name))
    return [Address(address, str(make_header(decode_header(phrase)))) for phrase, address in found]


def _shape(part: Message) -> str:
    payload = part.get_payload()
    children = (
        [_shape(child) for child in payload if isinstance(child, Message)] if part.is_multipart() else []
    )
    return shape(part.get_content_type(), children)


def _body(part: Message) -> Body:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    content_id = str(part.get("Content-ID", "")).removeprefix("<").removesuffix(">")
    return Body(part.get_content_type(), payload, part.get_filename() or "", content_id)


def _defects(email: Message) -> Iterator[str]:
    for part in email.walk():
        yield from (type(defect).__name__ for defect in part.defects)


def _address_repairs(fields: Fields) -> Iterator[str]:
    for name in MAILBOX_HEADERS:
        for value in _values(fields, name):
            yield from (f"{problem} in {name}" for problem in _address_problems(value))


def _address_problems(value: str) -> Iterator[str]:
    """Yield defects, a group, and a difference between the addresses of the newer and the older parser."""
    found: dict[str, Any] = {}
    AddressHeader.parse(value, found)
    yield from (type(defect).__name__ for defect in found["defects"])
    if any(group.display_name is not None for group in found["groups"]):
        yield "a group"
    # Only the newer one leaves out quotes around a local part with adjacent dots.
    newer = [match_of(each.addr_spec) for group in found["groups"] for each in group.addresses]
    if newer != [match_of(address) for _, address in getaddresses([value])]:
        yield "different addresses"
