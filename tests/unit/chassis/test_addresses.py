"""Accepted addresses and names: plain ones, and nothing that two parsers read differently."""

import re
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.addresses import BadAddress, check_name, parse_address, parse_recipient
from services.sender.model.emails import Address

ACCEPTED = {
    "agent@inbox.mnexa.ai": "agent@inbox.mnexa.ai",
    "Agent.Smith@Inbox.MNEXA.ai": "Agent.Smith@inbox.mnexa.ai",
    "a+b=c@example.com": "a+b=c@example.com",
    "!#$%&'*+-/?=^_`{|}~@example.com": "!#$%&'*+-/?=^_`{|}~@example.com",
    "x@bücher.example": "x@xn--bcher-kva.example",
    "x@例え.jp": "x@xn--r8jz45g.jp",
    "x@FAß.de": "x@xn--fa-hia.de",
    "x@a-b.c-d.co.uk": "x@a-b.c-d.co.uk",
    "1@123.com": "1@123.com",
    "a@" + "b" * 63 + ".com": "a@" + "b" * 63 + ".com",
    "a" * 64 + "@example.com": "a" * 64 + "@example.com",
}

REJECTED = [
    "",
    "agent",
    "@example.com",
    "agent@",
    "agent@localhost",
    "agent@example..com",
    "agent@.example.com",
    "agent@example.com.",
    "agent@-example.com",
    "agent@example-.com",
    "agent@exa_mple.com",
    "agent@*.example.com",
    "agent@192.0.2.1",
    "agent@[192.0.2.1]",
    "agent@[IPv6:2001:db8::1]",
    ".agent@example.com",
    "agent.@example.com",
    "a..b@example.com",
    '"agent"@example.com',
    '"a b"@example.com',
    r"a\b@example.com",
    "a b@example.com",
    "agent@example.com ",
    " agent@example.com",
    "agent @example.com",
    "agent@ example.com",
    "agent@example.com\n",
    "agent@example.com\r\nBcc: x@example.com",
    "agent\0@example.com",
    "agent@exam\0ple.com",
    "agent@example.com\x0b",
    "agent@example.com\x85",
    "agent@example.com\u2028",
    "agent@exa\u200bmple.com",
    "\u202eagent@example.com",
    "агент@example.com",
    "\u0430gent@example.com",  # a Cyrillic letter first
    "agent\uff20example.com",
    "Agent <agent@example.com>",
    "<agent@example.com>",
    "a@x.com <b@y.com>",
    "<a@x.com>@y.com",
    "a@x.com(b@y.com)",
    "agent(comment)@example.com",
    "agent@(comment)example.com",
    "agent@example.com(comment)",
    "a@x.com, b@y.com",
    "a@x.com,b@y.com",
    "a@x.com;b@y.com",
    "group:a@x.com;",
    "group: a@x.com, b@y.com;",
    "@route.com:agent@example.com",
    "a@b@example.com",
    "agent@=?utf-8?q?example?=.com",
    "=?utf-8?q?a=40b.com?=@example.com",
    "=?utf-8?b?!!!?=@example.com",
    "agent@example.com>",
    "mailto:agent@example.com",
    "a" * 65 + "@example.com",
    "a@" + "b" * 64 + ".com",
    "a@" + ".".join(["b" * 63] * 4) + ".com",
    "a" * 60 + "@" + ".".join(["b" * 60] * 4) + ".com",
    "agent@xn--.com\u3002",
    "agent@ex\u00adample.com",
]


@pytest.mark.parametrize(("typed", "stored"), ACCEPTED.items())
def test_a_plain_address_is_accepted_with_its_domain_as_a_labels(typed: str, stored: str) -> None:
    assert parse_address(typed) == stored


@pytest.mark.parametrize("typed", REJECTED)
def test_any_other_address_is_rejected_with_a_reason(typed: str) -> None:
    with pytest.raises(BadAddress) as raised:
        parse_address(typed)

    assert re.match(r"(is|has|must) ", str(raised.value))


@settings(deadline=None)
@given(st.text(max_size=80))
def test_an_accepted_address_reads_the_same_in_another_parser(typed: str) -> None:
    try:
        address = parse_address(typed)
    except BadAddress:
        return

    assert parseaddr(address) == ("", address)
    assert address.isascii()
    assert address.count("@") == 1


@settings(deadline=None)
@given(st.from_regex(r"[a-z.()<>,:;\"@ \[\]\\]{1,30}@[a-z.]{1,20}", fullmatch=True))
def test_grammar_that_parsers_read_differently_is_rejected(typed: str) -> None:
    try:
        address = parse_address(typed)
    except BadAddress:
        return

    assert not set(address) & set('()<>,:;"[]\\ ')


NAMES = [
    "",
    "Mnexa",
    "Zoë Müller",
    "O'Brien, Pat",
    'The "Agent"',
    "日本語",
    "👩‍👧 family",
    "سلام",
    "Ärzte (Berlin)",
    "A" * 200,
]

DECEPTIVE_NAMES = [
    "agent@example.com",
    "agent\uff20example.com",
    "agent\ufe6bexample.com",
    "agent \u24d0 example.com",
    "Agent <agent",
    "agent>",
    "\uff1cagent\uff1e",
    "\u2039agent\u203a",
    "\u27e8agent\u27e9",
    "a\r\nBcc: x",
    "a\nb",
    "a\0b",
    "a\tb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "\u202eagent",
    "agent\u200b",
    "agent\ufeff",
    "\u200d",
    "\u3164",
    "agent\u2800",
    "\uffa0agent",
    "a\u034fb",
    " agent",
    "agent ",
    "A" * 201,
]


@pytest.mark.parametrize("name", NAMES)
def test_an_ordinary_name_is_accepted(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", DECEPTIVE_NAMES)
def test_a_deceptive_name_is_rejected(name: str) -> None:
    with pytest.raises(BadAddress):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["", "Agent", 'An "agent"', "back\\slash", "Smith, John", "Ünal <x@y.z>", "a@b"]
)
def test_a_stored_sender_is_read_as_it_was_written(name: str) -> None:
    address = Address("agent@inbox.mnexa.ai", name)

    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["a@x.com; b@y.com", "a@x.com, b@y.com", "a@x.com b@y.com"])
def test_a_list_is_not_reported_as_a_space(text: str) -> None:
    with pytest.raises(BadAddress, match=r"must be a plain address without .* lists"):
        parse_recipient(text)
