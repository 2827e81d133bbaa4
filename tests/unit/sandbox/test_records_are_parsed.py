import pytest

from sandbox.dns.records import DnsError, parse


def test_a_long_txt_is_split_into_strings() -> None:
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
def test_a_txt_is_parsed_plain_or_quoted(typed: str, value: str) -> None:
    assert parse("a.mnexa.ai", "TXT", typed).value == value


@pytest.mark.parametrize(
    ("typed", "priority"), [("10 mx.mnexa.ai", None), ("mx.mnexa.ai.", 10), ("10 mx.mnexa.ai", 0)]
)
def test_an_mx_priority_is_in_the_value_or_separate(typed: str, priority: int | None) -> None:
    assert parse("mnexa.ai", "MX", typed, priority=priority).value == "10 mx.mnexa.ai"


def test_names_are_lower_case_without_trailing_dot() -> None:
    record = parse("ABC._DomainKey.Mnexa.AI.", "cname", "Token.DKIM.amazonses.com.")

    assert (record.name, record.value) == ("abc._domainkey.mnexa.ai", "token.dkim.amazonses.com")


@pytest.mark.parametrize(
    ("name", "rdtype", "value", "message"),
    [
        ("mnexa.ai", "NONSENSE", "x", "is not a record type"),
        ("a..mnexa.ai", "A", "192.0.2.1", "is not a domain name"),
        ("x" * 64 + ".mnexa.ai", "A", "192.0.2.1", "is not a domain name"),
        ("mnexa.ai", "A", "not an address", "is not a valid A value"),
        ("mnexa.ai", "MX", "mx.mnexa.ai", "is not a valid MX value"),
        ("mnexa.ai", "TXT", '"never closed', "is not a valid TXT value"),
    ],
)
def test_an_invalid_record_is_rejected_with_a_reason(
    name: str, rdtype: str, value: str, message: str
) -> None:
    with pytest.raises(DnsError, match=message):
        parse(name, rdtype, value)
