"""Reads domains and emails from a file: JSON, or JSON lines. Pure.

An item with a name is a domain, as is a string; everything else is an email, as POST /emails takes it.
"""

import json
from collections.abc import Iterator
from typing import Any

from cli.resend.comparison import Entry

LISTS = ("domains", "emails", "data")  # of a document of our own, and of Resend's lists


def entries_of(content: bytes) -> tuple[list[Entry], list[Entry]]:
    """Return the domains and the emails in a file."""
    found = list(_found(content))
    return [each for each, is_domain in found if is_domain], [
        each for each, is_domain in found if not is_domain
    ]


def _found(content: bytes) -> Iterator[tuple[Entry, bool]]:
    try:
        document = _read(content)
    except ValueError:
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                yield from _of_line(line, f"line {number}")
    else:
        yield from _items(document, "item")


def _of_line(line: bytes, label: str) -> Iterator[tuple[Entry, bool]]:
    try:
        document = _read(line)
    except ValueError:
        yield Entry(label, line), False  # the comparison says that it is not JSON
    else:
        yield from _items(document, label)


def _read(content: bytes) -> Any:
    """Return JSON with any unpaired surrogates, which the comparison finds. Raise ValueError."""
    try:
        return json.loads(content.decode("utf-8", "surrogatepass"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _items(document: Any, label: str) -> Iterator[tuple[Entry, bool]]:
    if isinstance(document, dict) and any(isinstance(document.get(name), list) for name in LISTS):
        for name in LISTS:
            yield from _items(document.get(name, []), name)
    elif isinstance(document, list):
        for index, each in enumerate(document):
            yield from _items(each, f"{label}[{index}]")
    elif isinstance(document, str):
        yield Entry(document, json.dumps({"name": document}).encode()), True
    elif isinstance(document, dict) and "name" in document:
        yield Entry(str(document["name"]), json.dumps(document).encode()), True
    else:
        yield Entry(label, json.dumps(document).encode()), False
