"""The number of values in a JSON document is limited, regardless of the characters inside its strings."""

import json

import pytest

from services.console.api.documents import MOST_ENTRIES_OF_BATCH, MOST_VALUES, check
from services.console.api.errors import Rejected

MANY = MOST_VALUES + 1


@pytest.mark.parametrize(
    "document",
    [
        {"html": '<a href="{x}">[1], {2}</a>' * MANY},
        {"html": "\\" * MANY + '"' * MANY + "\\"},
        {"content": [1] * MANY},
        {"to": ["a@x.com"] * 50, "text": "a, b, c" * MANY},
    ],
    ids=["html", "backslashes", "bytes", "commas"],
)
def test_a_long_string_counts_as_one_value(document: object) -> None:
    check(json.dumps(document).encode())


@pytest.mark.parametrize(
    "content",
    [
        b'["",' * MANY,
        b"[" * MANY,
        b'{"":' * MANY,
        b"[{}," * MANY,
        b'"\\\\",' * 2 * MANY,
        b'["\\\\\\"",' * 2 * MANY,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_too_many_values_are_rejected(content: bytes) -> None:
    with pytest.raises(Rejected, match="too many values"):
        check(content)


def test_a_batch_may_have_fewer_entries() -> None:
    content = json.dumps([0] * (MOST_ENTRIES_OF_BATCH + 2)).encode()

    check(content)
    with pytest.raises(Rejected, match="too many values"):
        check(content, entries=MOST_ENTRIES_OF_BATCH)
