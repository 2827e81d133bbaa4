import pytest

from sandbox.dns.records import DnsMistake, parse


def test_a_txt_is_one_text_however_long() -> None:
    record = parse("big.mnexa.ai", "TXT", "x" * 600)

    assert record.value == "x" * 600
    assert [len(string) for string in record.data.strings] == [255, 255, 90]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("v=spf1 -all", "v=spf1 -all"),
        ('"v=spf1 " "-all"', "v=spf1 -all"),
        (r'"\"v=spf1 -all\""', '"v=spf1 -all"'),
        ("semi; colon", "semi; colon"),
    ],
    ids=["plain", "split", "with stray quotes", "with a semicolon"],
)
def test_a_txt_can_be_typed_every_way(typed: str, value: str) -> None:
    assert parse("a.mnexa.ai", "TXT", typed).value == value


@pytest.mark.parametrize(
    ("typed", "priority"), [("10 mx.mnexa.ai", None), ("mx.mnexa.ai.", 10), ("10 mx.mnexa.ai", 0)]
)
def test_an_mx_takes_its_priority_from_either_place(typed: str, priority: int | None) -> None:
    assert parse("mnexa.ai", "MX", typed, priority=priority).value == "10 mx.mnexa.ai"


def test_names_are_kept_in_one_spelling() -> None:
    record = parse("ABC._DomainKey.Mnexa.AI.", "cname", "Token.DKIM.amazonses.com.")

    assert (record.name, record.value) == ("abc._domainkey.mnexa.ai", "token.dkim.amazonses.com")


@pytest.mark.parametrize(
    ("name", "rdtype", "value", "told"),
    [
        ("mnexa.ai", "NONSENSE", "x", "is not a record type"),
        ("a..mnexa.ai", "A", "192.0.2.1", "is not a domain name"),
        ("x" * 64 + ".mnexa.ai", "A", "192.0.2.1", "is not a domain name"),
        ("mnexa.ai", "A", "not an address", "is no value for type A"),
        ("mnexa.ai", "MX", "mx.mnexa.ai", "is no value for type MX"),
        ("mnexa.ai", "TXT", '"never closed', "is no value for type TXT"),
    ],
)
def test_what_makes_no_record_is_refused_with_a_reason(name: str, rdtype: str, value: str, told: str) -> None:
    with pytest.raises(DnsMistake, match=told):
        parse(name, rdtype, value)
