"""Addresses as mail servers and SES write them are read as the one address that recipients are matched by."""

import pytest

from services.webhooks.model.mailboxes import MAX_MAILBOX, mailboxes

ADA = ("ada@example.com",)


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com",
        "  ada@example.com\r\n",
        "<ada@example.com>",
        "< ada@example.com >",
        "Ada <ada@example.com>",
        '"Lovelace, Ada" <ada@example.com>',
        "Lovelace, Ada <ada@example.com>",
        '"Ada \\"Countess\\" Lovelace" <ada@example.com>',
        '"ada@elsewhere.example" <ada@example.com>',
        '"<ada@elsewhere.example>" <ada@example.com>',
        "=?utf-8?q?Ad=C3=A4?= <ada@example.com>",
        "Ada Lovelace<ada@example.com>",
        "Ada <ada@example.com> (Countess)",
        "ada@example.com (Ada Lovelace)",
        "rfc822;ada@example.com",
        "RFC822; ada@example.com",
        "rfc822 ; <ada@example.com>",
        "utf-8;ada@example.com",
        "<rfc822;ada@example.com>",
        "mailto:ada@example.com",
        "SMTP:ada@example.com",
        "'ada@example.com'",
        '"ada@example.com"',
        "<'ada@example.com'>",
        "ada@EXAMPLE.Com",
        "ada@example.com.",
        "ada@example.com;",
        "ada@example.com,",
        "<@relay.example,@other.example:ada@example.com>",
    ],
)
def test_an_address_is_read_in_every_form(text: str) -> None:
    assert mailboxes(text) == ADA


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("Ada <ada@BÜCHER.example>", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"),
        ("jörg@example.com", "jörg@example.com"),
        ("Ada.Lovelace@example.com", "Ada.Lovelace@example.com"),
        ("ada+news@example.com", "ada+news@example.com"),
        ("o'neill@example.com", "o'neill@example.com"),
        ('"ada lovelace"@example.com', '"ada lovelace"@example.com'),
        ('"ada<x>"@example.com', '"ada<x>"@example.com'),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
        ("ada@localhost", "ada@localhost"),
        ("ada@mail_in.example.com", "ada@mail_in.example.com"),
    ],
)
def test_the_local_part_is_unchanged_and_the_domain_is_ascii(text: str, address: str) -> None:
    assert mailboxes(text) == (address,)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("ada@example.com, bob@example.net", ("ada@example.com", "bob@example.net")),
        ("Ada <ada@example.com>,bob@example.net", ("ada@example.com", "bob@example.net")),
        ('"L, Ada" <ada@example.com>, "B, Bob" <bob@example.net>', ("ada@example.com", "bob@example.net")),
        ("Lovelace, Ada <ada@example.com>, Bob <bob@example.net>", ("ada@example.com", "bob@example.net")),
    ],
)
def test_a_text_may_hold_several_mailboxes(text: str, addresses: tuple[str, ...]) -> None:
    assert mailboxes(text) == addresses


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ",", "ada", "@example.com", "ada@", "<>", "Ada <>", "Ada <ada>", "a b@example.com",
        "ada@exa mple.com", "ada@-example.com", "ada@example..com", "x400;/c=us/a=mail", "postmaster",
        "undisclosed-recipients:;", "ada@example.com, bob", "ada@ex\0ample.com", "ada\0@example.com",
        "a@b" + "c" * MAX_MAILBOX,
    ],
)  # fmt: skip
def test_what_is_not_an_address_is_not_read(text: str) -> None:
    assert mailboxes(text) == ()
