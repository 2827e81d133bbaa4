"""A request becomes a draft, or every mistake in it is named by its field."""

from dataclasses import replace
from typing import Any

import pytest

from chassis.errors import InvalidArgument
from services.sender.drafts import MAX_SIZE, Wish, check_request_id, draft, encoded_size
from services.sender.model import Address, RecipientKind

GOOD = Wish(
    sender=("agent@inbox.mnexa.ai", "Agent"),
    to=[("reader@example.com", "")],
    cc=[],
    bcc=[],
    reply_to=[],
    subject="Hello",
    text="Good day.",
    html="",
    headers={},
    tags={},
)


def many(count: int) -> list[tuple[str, str]]:
    return [(f"reader{number}@example.com", "") for number in range(count)]


def test_a_good_request_becomes_a_draft() -> None:
    wish = replace(GOOD, cc=[("cc@Example.com", "Copy")], bcc=[("bcc@example.com", "")], html="<p>Hi</p>")

    made = draft(wish)

    assert made.sender == Address("agent@inbox.mnexa.ai", "Agent")
    assert [(each.kind, each.address.address) for each in made.recipients] == [
        (RecipientKind.TO, "reader@example.com"),
        (RecipientKind.CC, "cc@example.com"),
        (RecipientKind.BCC, "bcc@example.com"),
    ]
    assert (made.content.text, made.content.html) == ("Good day.", "<p>Hi</p>")


TAKEN: list[dict[str, Any]] = [
    {"to": many(50)},
    {"to": many(20), "cc": [("a@b.com", "")], "bcc": [("c@d.com", "")]},
    {"reply_to": many(10)},
    {"subject": ""},
    {"subject": "s" * 998},
    {"subject": "Grüße 🎉"},
    {"text": "", "html": "<p>only HTML</p>"},
    {"text": "line\r\nline\rline\n"},
    {"headers": {"In-Reply-To": "<a@b>", "References": "<a@b> <c@d>"}},
    {
        "headers": {
            "List-Unsubscribe": "<https://example.com/u>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    },
    {"headers": {"X-Order": "17", "X-Entity-Ref-ID": "a b  c"}},
    {"headers": {f"X-{number}": "x" for number in range(50)}},
    {"headers": {"X-Long": "x " * 490 + "x"}},
    {"tags": {f"t{number}": "v" for number in range(20)}},
    {"tags": {"a" * 256: "b" * 256}},
]


@pytest.mark.parametrize("fields", TAKEN, ids=str)
def test_what_is_allowed_is_taken(fields: dict[str, Any]) -> None:
    draft(replace(GOOD, **fields))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"sender": ("a@x.com <b@y.com>", "")}, "from.address"),
    ({"sender": ("agent@inbox.mnexa.ai", "ceo@bank.com")}, "from.name"),
    ({"to": []}, "to"),
    ({"to": [], "cc": many(1)}, "to"),
    ({"to": many(51)}, "to"),
    ({"to": many(30), "bcc": [(f"b{number}@example.com", "") for number in range(21)]}, "to"),
    ({"to": [("reader@example.com\r\nBcc: x@y.com", "")]}, "to[0].address"),
    ({"cc": [("not an address", "")]}, "cc[0].address"),
    ({"bcc": [("x@y.com", "a\nb")]}, "bcc[0].name"),
    ({"to": [*many(1), *many(1)]}, "to[1].address"),
    ({"cc": [("READER@example.com", "")]}, "cc[0].address"),
    ({"reply_to": many(11)}, "reply_to"),
    ({"reply_to": [("x", "")]}, "reply_to[0].address"),
    ({"subject": "s" * 999}, "subject"),
    ({"subject": "a\r\nBcc: x@y.com"}, "subject"),
    ({"subject": "a\0"}, "subject"),
    ({"subject": "a\u2028b"}, "subject"),
    ({"text": "", "html": ""}, "text"),
    ({"text": "a\0b"}, "text"),
    ({"html": "a\0b"}, "html"),
    ({"headers": {f"X-{number}": "x" for number in range(51)}}, "headers"),
    ({"headers": {"X-A": "1", "x-a": "2"}}, "headers['x-a']"),
    ({"tags": {f"t{number}": "v" for number in range(21)}}, "tags"),
    ({"tags": {"": "v"}}, "tags['']"),
    ({"tags": {"a": ""}}, "tags['a']"),
    ({"tags": {"a b": "v"}}, "tags['a b']"),
    ({"tags": {"a": "v" * 257}}, "tags['a']"),
]

FORBIDDEN_HEADERS = [
    "From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "Return-Path",
    "Received", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "DKIM-Signature", "ARC-Seal",
    "Resent-From", "Authentication-Results", "Disposition-Notification-To", "X-SES-CONFIGURATION-SET",
    "x-ses-message-tags", "X-SES-TENANT", "X-Amz-Meta", "X-Amzn-Trace-Id", "X-Amazon-Mail",
    "", "X-", "X-A:", "X A", "X-A\r\nBcc", "X-Ä", "List-", "X--A", "X-" + "a" * 80,
]  # fmt: skip
REFUSED += [({"headers": {name: "value"}}, f"headers[{name!r}]") for name in FORBIDDEN_HEADERS]

FORBIDDEN_VALUES = [
    "",
    " a",
    "a ",
    "a\r\nBcc: x",
    "a\nb",
    "a\rb",
    "a\0",
    "a\tb",
    "ä",
    "a\x7f",
    "x" * 994,
    "x " * 498,
    "=?utf-8?q?=0D=0ABcc:_x?=",
]
REFUSED += [({"headers": {"X-A": value}}, "headers['X-A']") for value in FORBIDDEN_VALUES]


@pytest.mark.parametrize(("fields", "path"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_named(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        draft(replace(GOOD, **fields))

    assert path in [violation.field for violation in refused.value.violations]


def test_every_mistake_is_named_at_once() -> None:
    wish = replace(GOOD, sender=("x", "a@b"), to=[("y", "")], text="", tags={"!": "v"})

    with pytest.raises(InvalidArgument) as refused:
        draft(wish)

    fields = [violation.field for violation in refused.value.violations]
    assert fields == ["from.address", "from.name", "to[0].address", "text", "tags['!']"]


def test_a_body_is_measured_as_base64() -> None:
    assert encoded_size("") == 0
    assert encoded_size("x" * 57) == 78
    assert encoded_size("x" * 58) == 156

    with pytest.raises(InvalidArgument) as refused:
        draft(replace(GOOD, text="x" * (MAX_SIZE * 57 // 78)))

    assert [violation.field for violation in refused.value.violations] == ["text"]


@pytest.mark.parametrize("request_id", ["", "a", "x" * 256, "öffnen"])
def test_a_request_id_is_any_printable_text(request_id: str) -> None:
    check_request_id(request_id)


@pytest.mark.parametrize("request_id", ["x" * 257, "a\0", "a\nb"])
def test_another_request_id_is_refused(request_id: str) -> None:
    with pytest.raises(InvalidArgument):
        check_request_id(request_id)
