"""Callers cannot set headers that belong to Letterhead, SES or mail servers, in any spelling."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.sender.mime_verification.agreement import disagreements
from services.sender.model.emails import Address
from services.sender.model.headers import BadHeader, check_header
from services.sender.model.mime import MimeMessage, build
from tests.fuzz.pieces import FORBIDDEN_HEADERS

MESSAGE = MimeMessage(
    sender=Address("agent@inbox.mnexa.ai"),
    to=[Address("reader@example.com")],
    cc=[],
    reply_to=[],
    subject="Hello",
    date=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    boundary="=_5f0c",
    text="Good day.",
)
SPELLINGS = [
    spelling
    for name in FORBIDDEN_HEADERS
    for spelling in (
        name,
        name.lower(),
        name.upper(),
        f"{name} ",
        f" {name}",
        f"{name}:",
        f"X-A: b\r\n{name}",
    )
]


@pytest.mark.parametrize("name", SPELLINGS, ids=repr)
def test_a_forbidden_header_is_rejected(name: str) -> None:
    with pytest.raises(BadHeader):
        check_header(name, "value")


@pytest.mark.parametrize("name", FORBIDDEN_HEADERS)
def test_verification_catches_a_forbidden_header(name: str) -> None:
    message = replace(MESSAGE, headers={name: "value"})

    assert disagreements(message, build(message))
