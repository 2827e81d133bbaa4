"""The characters in which a published value differs from the one to enter."""

import pytest

from letterhead.identity.v1.domains_pb2 import DnsRecord
from services.console.differences import Piece, differences
from tests.unit.console.records import cname, mx, txt

DKIM = cname("k3v9a1")


def marked(record: DnsRecord, published: str) -> str:
    """Return the published value with `[wrong|expected]` for each piece that differs."""
    return "".join(
        f"[{piece.text}|{piece.expected}]" if piece.wrong else piece.text
        for piece in differences(record, published)
    )


@pytest.mark.parametrize(
    ("record", "published", "shown"),
    [
        (DKIM, "k3v9a1.dkim.amazonses.com", "k3v9a1.dkim.amazonses.com"),
        (DKIM, "k3v9a1.dkim.amaz0nses.com", "k3v9a1.dkim.amaz[0|o]nses.com"),
        (DKIM, "k3v9a1.dkm.amazonses.com", "k3v9a1.dk[|i]m.amazonses.com"),
        (DKIM, "k3v9a1.dkim.amazonses.comm", "k3v9a1.dkim.amazonses.com[m|]"),
        (DKIM, "https://k3v9a1.dkim.amazonses.com", "[https://|]k3v9a1.dkim.amazonses.com"),
        (DKIM, "CNAME k3v9a1.dkim.amazonses.net", "CNAME k3v9a1.dkim.amazonses.[net|com]"),
        (DKIM, "K3V9a1.dkim.amazonses.net", "K3V9a1.dkim.amazonses.[net|com]"),
        (DKIM, "shop.example.com", "shop.example.com"),
        (mx(), "20 feedback-smtp.us-east-1.amazonses.com", "20 feedback-smtp.us-east-1.amazonses.com"),
        (
            mx(),
            "10 10.feedback-smtp.us-east-1.amazonses.com",
            "10 [10.|]feedback-smtp.us-east-1.amazonses.com",
        ),
        (
            txt(),
            "v=spf1 include:amazonses.com\u00a0~all",
            "v=spf1 include:amazonses.com[[NO-BREAK SPACE]| ]~all",
        ),
        (txt(), "V=spf1 include:amazonses.com ~all", "[V|v]=spf1 include:amazonses.com ~all"),
        (txt(), "v=spf1 include:amazonses.com \u2013all", "v=spf1 include:amazonses.com [[EN DASH]|~]all"),
        (txt(), "", ""),
    ],
)
def test_only_the_mistyped_characters_are_marked(record: DnsRecord, published: str, shown: str) -> None:
    assert marked(record, published) == shown


def test_a_value_of_any_length_is_shown_whole() -> None:
    published = "v=spf1 inlcude:amazonses.com ~all" + " " * 2000

    assert "".join(piece.text for piece in differences(txt(), published)) == published
    assert differences(DKIM, "x" * 5000) == [Piece("x" * 5000)]
