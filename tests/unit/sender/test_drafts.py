"""A valid request becomes a draft; an invalid one fails with every mistake, named by its field."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.errors import InvalidArgument
from services.sender.commands import drafts
from services.sender.commands.drafts import MAX_SIZE, encoded_size
from services.sender.commands.specs import EmailSpec, File
from services.sender.model.emails import Address, Draft, OnUnknown, RecipientKind
from services.sender.model.headers import Unsubscribe

GOOD = EmailSpec(
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


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PDF = File("invoice.pdf", "", "", b"%PDF")
LOGO = File("logo.png", "image/png", "logo", b"\x89PNG")


def draft(request: EmailSpec) -> Draft:
    return drafts.draft(request, NOW)


def many(count: int) -> list[tuple[str, str]]:
    return [(f"reader{number}@example.com", "") for number in range(count)]


def test_a_valid_request_becomes_a_draft() -> None:
    request = replace(GOOD, cc=[("cc@Example.com", "Copy")], bcc=[("bcc@example.com", "")], html="<p>Hi</p>")

    made = draft(request)

    assert made.sender == Address("agent@inbox.mnexa.ai", "Agent")
    assert [(each.kind, each.address.address) for each in made.recipients] == [
        (RecipientKind.TO, "reader@example.com"),
        (RecipientKind.CC, "cc@example.com"),
        (RecipientKind.BCC, "bcc@example.com"),
    ]
    assert (made.content.text, made.content.html) == ("Good day.", "<p>Hi</p>")


ACCEPTED: list[dict[str, Any]] = [
    {"to": many(50)},
    {"to": many(20), "cc": [("a@b.com", "")], "bcc": [("c@d.com", "")]},
    {"reply_to": many(10)},
    {"subject": ""},
    {"subject": "s" * 998},
    {"subject": "Grüße 🎉"},
    {"text": "", "html": "<p>only HTML</p>"},
    {"text": "line\r\nline\rline\n"},
    {"headers": {"In-Reply-To": "<a@b>", "References": "<a@b> <c@d>"}},
    {"headers": {"references": "<a@b> " * 1300 + "<c@d>"}},
    {"references": ["<" + "a" * 90 + "@b>"] * 84},
    {
        "headers": {
            "List-Unsubscribe": "<https://example.com/u>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    },
    {"headers": {"X-Order": "17", "X-Entity-Ref-ID": "a b  c"}},
    {"headers": {"X-Customer": "Zoë", "X-Greeting": "=?utf-8?q?=E3=81=82?="}},
    {"headers": {f"X-{number}": "x" for number in range(50)}},
    {"headers": {"X-Long": "x " * 490 + "x"}},
    {"tags": {f"t{number}": "v" for number in range(75)}},
    {"tags": {"a" * 256: "b" * 256}},
    {"files": [PDF, LOGO]},
    {"files": [replace(PDF, file_name=f"{number}.pdf") for number in range(50)]},
    {"files": [replace(PDF, file_name="Rechnung für Köln.pdf")]},
    {"files": [replace(PDF, file_name="js")]},
    {"files": [replace(PDF, file_name="\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf")]},
    {"files": [replace(PDF, file_name="\U0001f469\u200d\U0001f467.png")]},
    {"files": [replace(PDF, file_name="a" * 251 + ".pdf")]},
    {"files": [replace(PDF, content_type="text/calendar; method=REQUEST; charset=utf-8")]},
    {"files": [replace(PDF, content=b"")]},
    {"send_at": NOW - timedelta(minutes=1)},
    {"send_at": NOW + timedelta(days=30)},
    {"on_unknown": "RESEND", "window": timedelta(minutes=1)},
    {"window": timedelta(days=1)},
    {"in_reply_to": "<1@mail.example.com>", "references": ["<0@a>", "<1@mail.example.com>"]},
    {"unsubscribe": Unsubscribe("https://example.com/u?id=1", "off+1@example.com", one_click=True)},
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=str)
def test_an_allowed_request_is_accepted(fields: dict[str, Any]) -> None:
    draft(replace(GOOD, **fields))


REJECTED: list[tuple[dict[str, Any], str]] = [
    ({"sender": ("a@x.com <b@y.com>", "")}, "from.address"),
    ({"sender": ("agent@inbox.mnexa.ai", "ceo@bank.com")}, "from.name"),
    ({"to": []}, "to"),
    ({"to": [], "cc": many(1)}, "to"),
    ({"to": many(51)}, "to"),
    ({"to": many(30), "bcc": [(f"b{number}@example.com", "") for number in range(21)]}, "to"),
    ({"to": [("reader@example.com\r\nBcc: x@y.com", "")]}, "to[0].address"),
    ({"cc": [("not an address", "")]}, "cc[0].address"),
    ({"bcc": [("x@y.com", "a\nb")]}, "bcc[0].name"),
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
    ({"tags": {f"t{number}": "v" for number in range(76)}}, "tags"),
    ({"tags": {"": "v"}}, "tags['']"),
    ({"tags": {"a": ""}}, "tags['a']"),
    ({"tags": {"a b": "v"}}, "tags['a b']"),
    ({"tags": {"a": "v" * 257}}, "tags['a']"),
    ({"files": [PDF] * 51}, "attachments"),
    ({"files": [LOGO, LOGO]}, "attachments"),
    ({"send_at": NOW - timedelta(seconds=61)}, "send_time"),
    ({"send_at": NOW + timedelta(days=30, seconds=1)}, "send_time"),
    ({"send_at": datetime.max.replace(tzinfo=UTC)}, "send_time"),
    ({"on_unknown": ""}, "on_unknown"),
    ({"window": timedelta(seconds=59)}, "unknown_window"),
    ({"window": timedelta(days=1, seconds=1)}, "unknown_window"),
    ({"in_reply_to": "1@example.com"}, "in_reply_to"),
    ({"in_reply_to": "<1@a>\r\nBcc: <x@y>"}, "in_reply_to"),
    ({"references": ["<1@a>", "<2@b> <3@c>"]}, "references"),
    ({"references": ["<" + "a" * 90 + "@b>"] * 85}, "references"),
    ({"headers": {"References": "<a@b>  " * 200 + "<c@d>"}}, "headers['References']"),
    ({"in_reply_to": "<1@a>", "headers": {"in-reply-to": "<2@b>"}}, "in_reply_to"),
    ({"unsubscribe": Unsubscribe("http://example.com/u", "", one_click=True)}, "list_unsubscribe.url"),
    ({"unsubscribe": Unsubscribe("", "off@example.com", one_click=False)}, "list_unsubscribe.url"),
    ({"unsubscribe": Unsubscribe("https://a.com/>,<b", "", one_click=True)}, "list_unsubscribe.url"),
    ({"unsubscribe": Unsubscribe("https://a.com/\r\nBcc:", "", one_click=True)}, "list_unsubscribe.url"),
    ({"unsubscribe": Unsubscribe("https://[a/", "", one_click=True)}, "list_unsubscribe.url"),
    (
        {"unsubscribe": Unsubscribe("https://a.com/", "a?bcc=x@y.com", one_click=True)},
        "list_unsubscribe.mailto",
    ),
]

BAD_FILES = [
    *((replace(PDF, file_name=name), "file_name") for name in (
        "", "a.exe", "A.EXE", "a.pdf.js", "a.exe.", "...", "a.exe ", ".exe", "../a.pdf", "a\\b.pdf",
        "a\r\nb.pdf",
        "a\0.pdf", "gpj.\u202eexe.pdf", "a" * 1025, "ü" * 513,
        "\xa0a.pdf", "a.e\u200dxe", "a.exe\u200c", "a.\u200d", "\u200d",
    )),
    *((replace(PDF, content_type=text), "content_type") for text in (
        "pdf", "a/b/c", "a/", "text/plain\r\nBcc: x", "multipart/mixed", 'a/b; c="d;e"', "a/b; c*0=d",
        "ä/b", "text/plain; charset=utf-8l", "text/plain; charset=utf-7", "x/y; a=b; CHARSET=x",
        "application/pdf; name=invoice.exe", "x/y; a=b;NAME=a.js", "x/y; filename=a", "x/y; a=b; A=c",
        "text/html; charset=utf-8; charset=us-ascii",
    )),
    *((replace(PDF, content_id=text), "content_id") for text in ("<>", "a\r\n", "ä", "a" * 129)),
]  # fmt: skip
REJECTED += [({"files": [PDF, file]}, f"attachments[1].{field}") for file, field in BAD_FILES]

FORBIDDEN_HEADERS = [
    "From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "Return-Path",
    "Received", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "DKIM-Signature", "ARC-Seal",
    "Resent-From", "Authentication-Results", "Disposition-Notification-To", "X-SES-CONFIGURATION-SET",
    "x-ses-message-tags", "X-SES-TENANT", "X-Amz-Meta", "X-Amzn-Trace-Id", "X-Amazon-Mail",
    "", "X-", "X-A:", "X A", "X-A\r\nBcc", "X-Ä", "List-", "X--A", "X-" + "a" * 80,
]  # fmt: skip
REJECTED += [({"headers": {name: "value"}}, f"headers[{name!r}]") for name in FORBIDDEN_HEADERS]

FORBIDDEN_VALUES = [
    "",
    " a",
    "a ",
    "a\r\nBcc: x",
    "a\nb",
    "a\rb",
    "a\0",
    "a\tb",
    "ä\r\nBcc: x",
    "ä\x85",
    "ä\u2028",
    " ä",
    "ä\xa0",
    "ä" * 994,
    "=?utf-8?q?=FF?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=",
    "=?utf-8?q?_ä?=",
    "=?utf-8?q?=00?=",
    "a\x7f",
    "x" * 994,
    "x " * 498,
    "=?utf-8?q?=0D=0ABcc:_x?=",
]
REJECTED += [({"headers": {"X-A": value}}, "headers['X-A']") for value in FORBIDDEN_VALUES]

# Mail programs read these as they are, so they have to be ASCII, and an encoded word in them means nothing.
VERBATIM = ["In-Reply-To", "References", "List-Unsubscribe", "list-id", "List-Post"]
REJECTED += [
    ({"headers": {name: value}}, f"headers[{name!r}]")
    for name in VERBATIM
    for value in ("ä", "<https://example.com/ä>", "=?utf-8?q?<a=40b>?=", "a\r\nb")
]


@pytest.mark.parametrize(("fields", "path"), REJECTED, ids=lambda value: str(value)[:60])
def test_an_invalid_field_is_named(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        draft(replace(GOOD, **fields))

    assert path in [violation.field for violation in raised.value.violations]


def test_all_mistakes_are_reported_at_once() -> None:
    request = replace(GOOD, sender=("x", "a@b"), to=[("y", "")], text="", tags={"!": "v"})

    with pytest.raises(InvalidArgument) as raised:
        draft(request)

    fields = [violation.field for violation in raised.value.violations]
    assert fields == ["from.address", "from.name", "to[0].address", "text", "tags['!']"]


def test_a_body_is_measured_as_base64() -> None:
    assert encoded_size(b"") == 0
    assert encoded_size(b"x" * 57) == 78
    assert encoded_size(b"x" * 58) == 156

    with pytest.raises(InvalidArgument) as raised:
        draft(replace(GOOD, text="x" * (MAX_SIZE * 57 // 78)))

    assert [violation.field for violation in raised.value.violations] == ["text"]


def test_the_file_that_exceeds_the_size_limit_is_named() -> None:
    file = replace(PDF, content=b"x" * (MAX_SIZE * 57 // 78 // 2))

    with pytest.raises(InvalidArgument) as raised:
        draft(replace(GOOD, files=[file, file, file]))

    assert [violation.field for violation in raised.value.violations] == ["attachments[1].content"]


def test_the_file_name_sets_the_default_type() -> None:
    names = ["invoice.pdf", "logo.png", "thing", "table.csv.gz", "forwarded.eml", "page.mht"]

    made = draft(replace(GOOD, files=[replace(PDF, file_name=name) for name in names]))

    types = [each.content_type for each in made.content.attachments]
    assert types == ["application/pdf", "image/png", *["application/octet-stream"] * 4]


def test_typed_fields_become_headers() -> None:
    unsubscribe = Unsubscribe("https://example.com/u", "off@example.com", one_click=True)

    made = draft(replace(GOOD, unsubscribe=unsubscribe, in_reply_to="<1@a>", references=["<0@a>", "<1@a>"]))

    assert made.content.headers == {
        "In-Reply-To": "<1@a>",
        "References": "<0@a> <1@a>",
        "List-Unsubscribe": "<https://example.com/u>, <mailto:off@example.com>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_a_time_slightly_in_the_past_means_now() -> None:
    assert draft(replace(GOOD, send_at=NOW - timedelta(seconds=59))).terms.send_at == NOW
    assert draft(GOOD).terms.send_at is None


def test_an_unknown_email_is_held_by_default() -> None:
    assert draft(GOOD).terms.on_unknown is OnUnknown.HOLD
    assert draft(replace(GOOD, on_unknown="RESEND")).terms.on_unknown is OnUnknown.RESEND
