"""The timeline sentence of each kind of SES event."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.sender.model.timeline import reported
from services.webhooks.model.feedback import Kind, parse
from tests.unit.webhooks.ses_events import SentEmail

AT = datetime(2026, 3, 1, tzinfo=UTC)
EMAIL = SentEmail()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (EMAIL.send(), "SES accepted it and starts delivery."),
        (EMAIL.delivery(), "Delivered: 250 2.6.0 Message received"),
        (EMAIL.bounce(), "Bounced (Permanent/General): smtp; 550 5.1.1 user unknown"),
        (EMAIL.complaint(), "Reported as spam (abuse)."),
        (EMAIL.complaint(None), "Reported as spam."),
        (EMAIL.reject(), "SES rejected the content after it had accepted the email: Bad content."),
        (EMAIL.delay(), "Delayed (TransientCommunicationFailure); SES retries."),
        (EMAIL.opened(), "Opened by a person or a machine: Mozilla/5.0"),
        (EMAIL.click(), "A link was clicked: https://example.com/offer"),
        (
            EMAIL.rendering_failure(),
            "SES could not render the template, so nothing was sent: Attribute 'name' is not present.",
        ),
        (EMAIL.subscription(), "A subscription changed: news"),
        (EMAIL.event("Teleport", "teleport", {}), "SES reported an event of an unknown type."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_has_a_sentence(event: dict[str, Any], message: str) -> None:
    parsed = parse(json.dumps(event), AT)

    assert reported(AT, parsed.kind, parsed.detail, ()).why.message == message


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "detail", [{}, {"bouncedRecipients": [7], "reason": 7, "bounceType": None}, {"cut": "{"}]
)
def test_a_sentence_needs_no_details(kind: Kind, detail: dict[str, Any]) -> None:
    assert reported(AT, kind, detail, ()).why.message.endswith(".")
