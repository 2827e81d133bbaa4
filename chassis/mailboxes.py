"""Splits text into addresses and names: `Ada <ada@example.com>`, or a list of such mailboxes. Pure.

What is not a mailbox is returned whole, as an address. `addresses` decides whether an address or a name is
allowed.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Mailbox(NamedTuple):
    """An address and its display name, unchecked; the name is empty if there is none."""

    address: str
    name: str = ""


def mailbox(text: str) -> Mailbox:
    """Return the parts of `ada@example.com` or `Ada <ada@example.com>`."""
    text = text.strip()
    before, bracket, address = text.removesuffix(">").rpartition("<")
    name = _name(before.strip())
    if not (bracket and text.endswith(">")) or ">" in address or name is None:
        return Mailbox(text)
    return Mailbox(address.strip(), name)


def mailboxes(text: str) -> list[Mailbox]:
    """Return the mailboxes of a list with commas (RFC 5322 §3.4); at least one, empty if the text is.

    A comma before any `@` belongs to the name, as in `Lovelace, Ada <ada@example.com>`.
    """
    pieces = [each for each in _split(text) if not each.isspace()]
    return [mailbox(each) for each in pieces or [text]]


def _split(text: str) -> Iterator[str]:
    start, quoted, angled, escaped, has_address = 0, False, False, False, False
    for position, char in enumerate(text):
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char in "<>":
            angled = char == "<"
        elif char == "@":
            has_address = True
        elif char == "," and not angled and has_address:
            yield text[start:position]
            start, has_address = position + 1, False
    if rest := text[start:]:
        yield rest


def _name(written: str) -> str | None:
    """Return a display name without its quotes; None if it is malformed."""
    if not written.startswith('"'):
        return None if any(char in written for char in '<>"') else written
    name: list[str] = []
    chars = iter(written[1:])
    for char in chars:
        if char == '"':
            return None if next(chars, None) else "".join(name)
        name.append(next(chars, "") if char == "\\" else char)
    return None
