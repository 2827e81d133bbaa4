"""The bytes of an email as SES sends them."""

import email
import email.policy
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.aws.composing import compose, join_headers, rewrite, split
from sandbox.aws.emails import new_id
from sandbox.aws.errors import AwsError

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def simple(**more: Any) -> dict[str, Any]:
    content = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello, you.\n"}}} | more
    return {
        "FromEmailAddress": '"Agent, the" <agent@inbox.mnexa.ai>',
        "Destination": {
            "ToAddresses": ["a@customer.com", "b@customer.com"],
            "BccAddresses": ["c@customer.com"],
        },
        "ReplyToAddresses": ["answer@customer.com"],
        "Content": {"Simple": content},
    }


def parsed(raw: bytes) -> Any:
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_a_simple_email_has_the_given_headers_and_no_bcc() -> None:
    headers, body = split(compose(simple(Headers=[{"Name": "List-Unsubscribe", "Value": "<https://x.com>"}])))

    assert dict(headers[:5]) == {
        "From": '"Agent, the" <agent@inbox.mnexa.ai>',
        "To": "a@customer.com,\r\n b@customer.com",
        "Reply-To": "answer@customer.com",
        "Subject": "Hello",
        "List-Unsubscribe": "<https://x.com>",
    }
    assert body == b"Hello, you.\r\n"
    assert "bcc" not in {name.lower() for name, _ in headers}


def test_text_html_and_attachments_are_separate_parts() -> None:
    body = {"Text": {"Data": "Grüße"}, "Html": {"Data": "<p>Grüße</p>"}}
    attachment = {"RawContent": b"\x00\xff", "FileName": "ä.bin", "ContentType": "application/x-thing"}

    message = parsed(
        compose(simple(Subject={"Data": "Grüße aus München"}, Body=body, Attachments=[attachment]))
    )

    assert message["subject"] == "Grüße aus München"
    assert message.get_body(("plain",)).get_content().strip() == "Grüße"
    assert message.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    assert [(part.get_filename(), part.get_content()) for part in message.iter_attachments()] == [
        ("ä.bin", b"\x00\xff")
    ]


def test_fifty_recipients_are_folded_into_short_lines() -> None:
    params = simple()
    params["Destination"]["ToAddresses"] = [f"somebody-with-a-long-name-{n}@customer.com" for n in range(50)]

    raw = compose(params)

    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert len(parsed(raw)["to"].addresses) == 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"Subject": {"Data": "Hello\r\nBcc: x@y.com"}},
        {"Subject": {"Data": "Hello\x00"}},
        {"Headers": [{"Name": "From", "Value": "x@y.com"}]},
        {"Headers": [{"Name": "Content-Type", "Value": "text/html"}]},
        {"Body": {}},
    ],
)
def test_content_that_would_forge_or_break_the_email_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(AwsError, match="BadRequestException"):
        compose(simple(**wrong))


def test_ses_replaces_ids_and_dates_and_removes_its_own_headers() -> None:
    raw = (
        b"Return-Path: <x@y.com>\nMessage-ID: <mine@customer.com>\nDate: Thu, 1 Jan 1970 00:00:00 +0000\n"
        b"From: agent@inbox.mnexa.ai\nX-SES-CONFIGURATION-SET: mine\nBcc: secret@customer.com\n"
        b"Subject: folded\n  over two lines\n\nBody\n\n\n"
    )
    headers, body = split(raw)

    sent = join_headers(rewrite(headers, message_id="0100-id", region="us-east-1", now=NOW)) + b"\r\n" + body

    message = parsed(sent)
    assert message["message-id"] == "<0100-id@email.amazonses.com>"
    assert message["date"] == "Sat, 21 Nov 2026 09:30:00 +0000"
    assert message["feedback-id"].startswith("::1.us-east-1.")
    assert b"folded\r\n  over two lines\r\n" in sent
    assert sent.endswith(b"\r\n\r\nBody\r\n\r\n\r\n")
    assert not {"bcc", "return-path", "x-ses-configuration-set"} & {name.lower() for name in message}


def test_an_id_contains_its_creation_time() -> None:
    first, second = new_id(NOW), new_id(NOW)

    assert len(first) == 60
    assert first != second
    assert int(first[4:16], 16) == NOW.timestamp() * 1000
