# ruff: noqa: RUF001 - the tests need look-alike characters
import pytest

from services.identity.model.names import (
    MAX_DOMAIN,
    MAX_NAME,
    BadName,
    parse_domain,
    parse_mail_from_label,
)

LONGEST_LABEL = "a" * 63
# 209 characters: with `<32>._domainkey.` in front it makes 253.
LONGEST = ".".join([LONGEST_LABEL, LONGEST_LABEL, LONGEST_LABEL, "b" * 13, "com"])


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("inbox.mnexa.ai", "inbox.mnexa.ai"),
        ("Inbox.Mnexa.AI", "inbox.mnexa.ai"),
        ("inbox.mnexa.ai.", "inbox.mnexa.ai"),
        ("mnexa.co.uk", "mnexa.co.uk"),
        ("user.github.io", "user.github.io"),
        ("www.ck", "www.ck"),
        ("1e100.net", "1e100.net"),
        ("123.com", "123.com"),
        ("a-b.c-d.com", "a-b.c-d.com"),
        ("mail.new-tld-nobody-knows-yet", "mail.new-tld-nobody-knows-yet"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("BÜCHER.DE.", "xn--bcher-kva.de"),
        ("bu\u0308cher.de", "xn--bcher-kva.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("XN--BCHER-KVA.de", "xn--bcher-kva.de"),
        ("faß.de", "xn--fa-hia.de"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("日本語。jp", "xn--wgv71a119e.jp"),
        ("نامه\u200cای.com", "xn--mgba3gch31f060k.com"),
        ("ｍａｉｌ.com", "mail.com"),
        (f"{LONGEST_LABEL}.com", f"{LONGEST_LABEL}.com"),
        (LONGEST, LONGEST),
        ("a.b.c.d.e.f.g.h.i.com", "a.b.c.d.e.f.g.h.i.com"),
    ],
)
def test_a_typed_name_is_parsed_into_a_labels(typed: str, name: str) -> None:
    assert parse_domain(typed).name == name


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("bücher.de", "bücher.de"),
        ("Bücher.DE.", "Bücher.DE"),
        ("日本語。jp。", "日本語。jp"),
        ("Inbox.Mnexa.ai", "Inbox.Mnexa.ai"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
    ],
)
def test_the_display_name_is_the_name_as_typed(typed: str, shown: str) -> None:
    assert parse_domain(typed).display_name == shown


REJECTED = {
    "MISSING": ["", ".", "。"],
    "IP_ADDRESS": [
        "192.0.2.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "1.2.3.4.", "１.２.３.４", "999.1.1.1",
        "::1", "[::1]", "2001:db8::1", "::ffff:192.0.2.1", "mail.example.1",
    ],
    "WILDCARD": ["*.mnexa.ai", "*", "a*.mnexa.ai"],
    "TOP_LEVEL_DOMAIN": ["com", "ai", "xn--p1ai", "nobody-knows"],
    "PUBLIC_SUFFIX": ["co.uk", "github.io", "foo.ck", "s3.amazonaws.com", "gov.uk", "公司.cn"],
    "SPECIAL_USE": [
        "test", "mnexa.test", "example", "a.example", "a.invalid", "localhost", "a.localhost", "x.local",
        "abc.onion", "a.alt", "db.internal", "router.home", "x.corp", "x.mail", "1.0.0.127.in-addr.arpa",
        "home.arpa", "a.home.arpa", "example.com", "mail.example.com", "example.net", "example.org",
        "MAIL.Example.COM.",
    ],
    "LABEL_TOO_LONG": ["a" * 64 + ".com", "a." + "b" * 64 + ".com"],
    "NOT_IDNA": [
        "ä" * 60 + ".de", "☃.com", "☕.de", "xn--53h.de", "xn--a.de", "xn--bücher.de",
        "\u0300a.com", "נ1א-a\u200d.com", "xn--zzzzzzzzzzzzzzzzzz.de",
    ],
    "TOO_LONG": [".".join([LONGEST_LABEL] * 4), "a." * 1000 + "com", LONGEST.replace("b.com", "bb.com")],
    "TOO_MANY_LABELS": ["a.b.c.d.e.f.g.h.i.j.com"],
    "UNDERSCORE": ["a_b.com", "_dmarc.mnexa.ai", "a._domainkey.mnexa.ai"],
    "RESERVED_LABEL": ["ab--cd.com", "a.zz--top.com"],
    "HYPHEN_AT_EDGE": ["-a.com", "a-.com", "a.-b.com", "xn--.com"],
    "EMPTY_LABEL": ["a..com", ".a.com", "a.com..", "..", "a。。com"],
    "SPACE": ["a b.com", " a.com", "a.com ", "a.com\n", "a\u00a0b.com", "a\u3000b.com", "a.com\t"],
    "CONTROL_CHARACTER": ["a\u200bb.com", "a\u00adb.com", "a.com\x00", "\ufeffa.com", "a\u202eb.com"],
    "WEB_ADDRESS": ["https://mnexa.ai", "mnexa.ai/path", "http://mnexa.ai:80/"],
    "EMAIL_ADDRESS": ["agent@inbox.mnexa.ai", "@mnexa.ai"],
    "PORT": ["mnexa.ai:25", "localhost:25"],
    "LABEL_CHARACTERS": ["a,b.com", "a'b.com", "a;b.com", "a&b.com", "a(b).com", "<mnexa.ai>", "a\\b.com"],
}  # fmt: skip


@pytest.mark.parametrize(("typed", "why"), [(typed, why) for why, many in REJECTED.items() for typed in many])
def test_an_invalid_domain_name_is_rejected_with_the_reason(typed: str, why: str) -> None:
    with pytest.raises(BadName) as error:
        parse_domain(typed)

    assert error.value.reason == why
    assert len(str(error.value)) <= 160  # gRPC errors truncate longer messages


@pytest.mark.parametrize(
    ("typed", "limit"), [*zip(REJECTED["TOO_LONG"], [MAX_NAME, MAX_NAME, MAX_DOMAIN], strict=True)]
)
def test_a_name_that_is_too_long_is_rejected_with_the_limit(typed: str, limit: int) -> None:
    with pytest.raises(BadName) as error:
        parse_domain(typed)

    assert error.value.metadata == {"limit": str(limit)}


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("", "send"),
        ("send", "send"),
        ("Bounces", "bounces"),
        ("m1", "m1"),
        ("a-b", "a-b"),
        ("a" * 63, "a" * 63),
    ],
)
def test_a_mail_from_label_is_lowercased_and_defaults_to_send(typed: str, label: str) -> None:
    assert parse_mail_from_label(typed, "mnexa.ai") == label


@pytest.mark.parametrize(
    "typed",
    ["a.b", ".", "a_b", "-a", "a-", "a" * 64, "send ", " ", "é", "xn--bcher-kva", "ab--c", "a\0", "send."],
)  # fmt: skip
def test_an_invalid_label_is_rejected(typed: str) -> None:
    with pytest.raises(BadName, match="is not a valid label"):
        parse_mail_from_label(typed, "mnexa.ai")


def test_a_label_and_its_domain_together_fit_the_dns_limit() -> None:
    with pytest.raises(BadName) as error:
        parse_mail_from_label("s" * 44, LONGEST)

    assert (error.value.reason, error.value.metadata) == ("TOO_LONG", {"limit": "43"})
    assert parse_mail_from_label("s" * 43, LONGEST)
