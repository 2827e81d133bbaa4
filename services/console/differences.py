"""The characters in which a published value differs from the one to enter. Pure."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from letterhead.identity.v1.domains_pb2 import DnsRecord

SIMILAR = 0.6  # least ratio of equal characters; below it, marks would cover most of the value
LONGEST = 500  # characters that are compared, as many as verifier stores; the comparison takes quadratic time
_ALIAS = "CNAME "  # before the target of an alias, as verifier writes it


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a published value: equal, or wrong; `expected` is what belongs in its place."""

    text: str
    wrong: bool = False
    expected: str = ""


def differences(record: DnsRecord, published: str) -> Sequence[Piece]:
    """Return a published value in pieces, those that differ from the record marked as wrong.

    A value that has little in common with the record is one unmarked piece: it is another value, not a
    mistyped one. Host names are compared without regard to case. An MX record may have any priority.
    """
    prefix, value = _split(record, published[:LONGEST])
    pieces = list(_compared(record.value, value, exact=record.type == DnsRecord.TYPE_TXT))
    if not any(piece.wrong for piece in pieces):
        return [Piece(published)]
    return [
        *([Piece(prefix)] if prefix else []),
        *pieces,
        *([Piece(published[LONGEST:])] if published[LONGEST:] else []),
    ]


def _split(record: DnsRecord, published: str) -> tuple[str, str]:
    """Return what verifier writes before the value of a record, and the value."""
    if record.type == DnsRecord.TYPE_CNAME and published.startswith(_ALIAS):
        return _ALIAS, published.removeprefix(_ALIAS)
    priority, blank, host = published.partition(" ")
    if record.type == DnsRecord.TYPE_MX and priority.isdecimal():
        return priority + blank, host
    return "", published


def _compared(expected: str, published: str, *, exact: bool) -> Iterator[Piece]:
    wanted, there = (text if exact else [each.lower() for each in text] for text in (expected, published))
    matcher = SequenceMatcher(None, wanted, there, autojunk=False)
    if matcher.ratio() < SIMILAR:
        return
    for operation, start, end, first, last in matcher.get_opcodes():
        text = published[first:last]
        if operation == "equal":
            yield Piece(text)
        else:
            yield Piece(visible(text), wrong=True, expected=expected[start:end])


def visible(text: str) -> str:
    """Return text with the names of its invisible and unusual characters, such as `[NO-BREAK SPACE]`."""
    return "".join(
        each if " " <= each <= "~" else f"[{unicodedata.name(each, f'U+{ord(each):04X}')}]" for each in text
    )
