"""MIME messages: no content can add a header, and all parsers read the same message."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.addresses import BadAddress, check_name
from services.sender.mime_verification import parser_python
from services.sender.mime_verification.agreement import disagreements
from services.sender.model import mime
from services.sender.model.emails import Address, Attachment
from services.sender.model.headers import BadHeader, check_header
from services.sender.model.mime import MimeMessage, build

MESSAGE = MimeMessage(
    sender=Address("agent@inbox.mnexa.ai", "Agent"),
    to=[Address("reader@example.com")],
    cc=[],
    reply_to=[],
    subject="Hello",
    date=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    boundary="=_5f0c",
    text="Good day.",
)


def names(content: bytes) -> list[str]:
    """Return the names of the outermost headers, read line by line without a parser."""
    head = content.split(b"\r\n\r\n", 1)[0].decode()
    return [line.split(":")[0] for line in head.split("\r\n") if line[0] not in " \t"]


def test_a_plain_email_has_the_expected_bytes() -> None:
    assert build(MESSAGE).decode().split("\r\n") == [
        'From: "Agent" <agent@inbox.mnexa.ai>',
        "To: reader@example.com",
        "Subject: Hello",
        "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "Good day.",
        "",
    ]


def test_text_and_html_are_alternatives_plainest_first() -> None:
    message = replace(MESSAGE, html="<p>Good day.</p>", headers={"X-Order": "17"})

    content = build(message)

    assert names(content)[-2:] == ["X-Order", "Content-Type"]
    assert content.index(b"text/plain") < content.index(b"text/html")
    assert content.endswith(b"--alternative=_5f0c--\r\n")
    assert disagreements(message, content) == []


def a_file(name: str, content_type: str, content: bytes, content_id: str = "") -> Attachment:
    return Attachment(name, content_type, content_id, len(content), content)


LOGO = a_file("logo.png", "image/png", b"\x89PNG\r\n", "logo")
PDF = a_file("Rechnung für Köln.pdf", "application/pdf", bytes(range(256)) * 20)
PLAIN = a_file('a "quoted" name.txt', "text/plain", b"line\nline\r\n\r\n")
CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR"
INVITATION = a_file("invite.ics", "text/calendar; method=request", CALENDAR)
MISMATCHED = a_file("invite.ics", "text/calendar; method=CANCEL", CALENDAR)
SHOWN = "multipart/related(text/html image/png)"
STRUCTURES = [
    ({"attachments": [PDF]}, "multipart/mixed(text/plain application/pdf)"),
    (
        {"html": "<p>", "attachments": [PLAIN, LOGO]},
        f"multipart/mixed(multipart/alternative(text/plain {SHOWN}) text/plain)",
    ),
    ({"text": None, "html": "<p>", "attachments": [LOGO]}, SHOWN),
    ({"attachments": [LOGO]}, "multipart/mixed(text/plain image/png)"),
    (
        {"html": "<p>", "attachments": [INVITATION, LOGO]},
        f"multipart/mixed(multipart/alternative(text/plain {SHOWN} text/calendar) text/calendar)",
    ),
    (
        {"attachments": [INVITATION]},
        "multipart/mixed(multipart/alternative(text/plain text/calendar) text/calendar)",
    ),
    ({"attachments": [MISMATCHED]}, "multipart/mixed(text/plain text/calendar)"),
    ({"attachments": [a_file("empty", "text/plain", b"")]}, "multipart/mixed(text/plain text/plain)"),
]


@pytest.mark.parametrize(("fields", "structure"), STRUCTURES, ids=range(len(STRUCTURES)))
def test_attachments_have_the_expected_structure(fields: dict[str, Any], structure: str) -> None:
    message = replace(MESSAGE, **fields)

    content = build(message)

    assert parser_python.read(content).shape == structure
    assert disagreements(message, content) == []


def test_a_long_references_header_is_folded() -> None:
    references = " ".join(f"<{number:060}@mail.example.com>" for number in range(90))
    check_header("References", references)
    message = replace(MESSAGE, headers={"References": references})

    content = build(message)

    assert disagreements(message, content) == []
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_a_file_keeps_its_name_and_its_bytes() -> None:
    files = [PDF, PLAIN, LOGO]

    email = message_from_bytes(build(replace(MESSAGE, attachments=files)), policy=policy.SMTP)

    assert isinstance(email, EmailMessage)
    parts = list(email.iter_attachments())
    assert [part.get_filename() for part in parts] == [each.file_name for each in files]
    assert [part.get_payload(decode=True) for part in parts] == [each.content for each in files]
    assert parts[2]["Content-ID"] == "<logo>"


FILE_NAMES = [
    "a b.txt", 'a "b" c.txt', "a;b=c.txt", "=?utf-8?q?x?=", "a%20b", "utf-8''a", "日本語.pdf",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf", "a" * 251 + ".pdf",
]  # fmt: skip


@pytest.mark.parametrize("name", FILE_NAMES)
def test_all_parsers_read_the_same_file_name(name: str) -> None:
    message = replace(MESSAGE, attachments=[a_file(name, "application/pdf", b"%PDF")])

    assert disagreements(message, build(message)) == []


def test_no_content_can_imitate_a_boundary() -> None:
    hostile = b"--mixed=_5f0c--\r\n\r\n--=_5f0c\r\nContent-Type: text/html\r\n\r\n<b>"
    message = replace(MESSAGE, text=hostile.decode(), attachments=[a_file("a.txt", "text/plain", hostile)])

    assert disagreements(message, build(message)) == []


SUBJECTS = [
    "", "Hello", "Grüße aus Köln", "日本語" * 60, "a" * 998, "a b" * 300, "=?utf-8?q?x?=", "two  spaces",
    "x " * 400 + "y", " leading", "trailing ", "🎉" * 200, "a" * 70 + " " + "b" * 980,
    "a  " * 100 + "b", "a   b" * 60, "a" + " " * 900 + "b", "a" + " " * 996 + "b",
]  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject[:20])
def test_a_subject_arrives_unchanged(subject: str) -> None:
    message = replace(MESSAGE, subject=subject)

    content = build(message)

    assert disagreements(message, content) == []
    assert max(map(len, content.split(b"\r\n"))) <= 998


BODIES = [
    "Good day.", "\n", ".\n..\n.", "From me\n", "a" * 5000, "trailing \t\n  \n", "\r\n\r\nFrom: x@y.com",
    "--=_5f0c--\n", "a\rb\nc\r\nd", "ü" * 3000, "=3D=", "\x01\x1b",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body)[:20])
def test_a_body_arrives_unchanged_except_for_line_breaks(body: str) -> None:
    for message in (replace(MESSAGE, text=body), replace(MESSAGE, text=body, html=body)):
        assert disagreements(message, build(message)) == []


texts = st.text(st.characters(codec="utf-8"), max_size=200)
injections = st.sampled_from(
    ["\r\nBcc: x@y.com", "\nX-SES-TENANT: a", "\r\n\r\n<b>", "\0", "=?utf-8?q?=0D=0ABcc:_x?="]
)
hostile = st.builds(lambda start, middle, end: start + middle + end, texts, injections, texts)
anything = texts | hostile


def allowed_name(name: str) -> bool:
    try:
        check_name(name)
    except BadAddress:
        return False
    return True


def allowed_header(value: str) -> bool:
    try:
        check_header("X-Custom", value)
    except BadHeader:
        return False
    return True


@settings(max_examples=400, deadline=None)
@given(name=anything, subject=anything, body=anything, value=anything)
def test_no_content_adds_a_header(name: str, subject: str, body: str, value: str) -> None:
    """Use only values that the checks accept; unprintable characters are removed from the subject."""
    message = replace(
        MESSAGE,
        sender=Address("agent@inbox.mnexa.ai", name if allowed_name(name) else ""),
        subject="".join(char for char in subject if char.isprintable()),
        text=body.replace("\0", ""),
        html=body.replace("\0", ""),
        headers={"X-Custom": value} if allowed_header(value) else {},
    )

    content = build(message)

    expected = [*(name for name, _ in mime.header_fields(message)), "Content-Type"]
    assert names(content) == expected
    assert disagreements(message, content) == []


@settings(max_examples=300, deadline=None)
@given(body=anything)
def test_a_message_is_ascii_with_crlf_line_breaks(body: str) -> None:
    content = build(replace(MESSAGE, text=body.replace("\0", "")))

    assert content.isascii()
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")


def unescaped(message: MimeMessage) -> bytes:
    """Write every value without escaping it."""
    lines = [
        f"From: {message.sender.name} <{message.sender.address}>",
        f"To: {', '.join(each.address for each in message.to)}",
        f"Subject: {message.subject}",
        "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        "MIME-Version: 1.0",
        *(f"{name}: {value}" for name, value in message.headers.items()),
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        message.text or "",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def extra_header(message: MimeMessage) -> bytes:
    return build(message).replace(b"MIME-Version", b"X-SES-TENANT: other\r\nMIME-Version", 1)


def second_author(message: MimeMessage) -> bytes:
    return build(message).replace(b"<agent@inbox.mnexa.ai>", b"<agent@inbox.mnexa.ai>, b@y.com", 1)


def changed_body(message: MimeMessage) -> bytes:
    return build(message).replace(b"Good day.", b"Bad day.", 1)


HOSTILE = [
    replace(MESSAGE, subject="a\r\nBcc: x@y.com"),
    replace(MESSAGE, subject="=?utf-8?q?another?="),
    replace(MESSAGE, sender=Address("agent@inbox.mnexa.ai", "ceo@bank.com>, <x@y.com")),
    replace(MESSAGE, sender=Address("agent@inbox.mnexa.ai", "a, b")),
    replace(MESSAGE, text="bare\rreturn"),
    replace(MESSAGE, text="ü"),
    replace(MESSAGE, text="x" * 1200),
    replace(MESSAGE, headers={"X-A": "a\r\n\r\nbody"}),
]


@pytest.mark.parametrize("message", HOSTILE, ids=range(len(HOSTILE)))
def test_a_builder_without_escaping_is_caught(message: MimeMessage) -> None:
    assert disagreements(message, unescaped(message))


@pytest.mark.parametrize("builder", [extra_header, second_author, changed_body])
def test_a_builder_that_changes_the_message_is_caught(builder: Callable[[MimeMessage], bytes]) -> None:
    assert disagreements(MESSAGE, builder(MESSAGE))
