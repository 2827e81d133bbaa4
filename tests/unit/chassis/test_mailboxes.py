"""Lists of addresses are split as RFC 5322 says, and as people write names with commas."""

import pytest

from chassis.mailboxes import mailboxes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@x.com", [("a@x.com", "")]),
        ("a@x.com, b@x.com", [("a@x.com", ""), ("b@x.com", "")]),
        ("A <a@x.com>,B <b@x.com>,", [("a@x.com", "A"), ("b@x.com", "B")]),
        ('"Doe, Ada" <a@x.com>, b@x.com', [("a@x.com", "Doe, Ada"), ("b@x.com", "")]),
        ("Doe, Ada <a@x.com>, b@x.com", [("a@x.com", "Doe, Ada"), ("b@x.com", "")]),
        (r'"a\", b@x.com" <a@x.com>', [("a@x.com", 'a", b@x.com')]),
        ('"ada@x.com, Inc" <ada@x.com>', [("ada@x.com", "ada@x.com, Inc")]),
        ("a@x.com b@x.com", [("a@x.com b@x.com", "")]),
        ('"a@x.com, b@x.com', [('"a@x.com, b@x.com', "")]),
        ("<a@x.com, b@x.com>", [("a@x.com, b@x.com", "")]),
        (" , a@x.com", [(", a@x.com", "")]),
        ("", [("", "")]),
        (" ", [("", "")]),
    ],
)
def test_a_list_is_split(text: str, found: list[tuple[str, str]]) -> None:
    assert mailboxes(text) == found


def test_a_long_text_takes_linear_time() -> None:
    assert len(mailboxes("a@x.com," * 50_000)) == 50_000
    assert len(mailboxes(',<>"\\' * 50_000)) == 1
