"""The event published on NATS for each kind of feedback."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import json_format

from services.webhooks.events import event_of
from services.webhooks.model.feedback import FeedbackEvent, parse
from tests.unit.webhooks.ses_events import SentEmail, as_notification

EMAIL = SentEmail()
REFERENCE = {"id": str(EMAIL.email_id), "tenantId": str(EMAIL.tenant_id), "sesId": EMAIL.ses_id}
AT = "2026-03-01T12:30:45.678Z"
READER = {"ipAddress": "203.0.113.9", "userAgent": "Mozilla/5.0"}


def read(event: dict[str, Any]) -> FeedbackEvent:
    return parse(json.dumps(event), datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("event", "subject", "data"),
    [
        (
            EMAIL.bounce(),
            "bounce.received",
            {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "recipients": [
                    {
                        "address": "ada@example.com",
                        "status": "5.1.1",
                        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                    }
                ],
                "hard": True,
            },
        ),
        (
            EMAIL.complaint(),
            "complaint.received",
            {"recipients": ["ada@example.com"], "feedbackType": "abuse", "counted": True},
        ),
        (
            EMAIL.delivery(),
            "delivery.received",
            {"recipients": ["ada@example.com"], "smtpResponse": "250 2.6.0 Message received"},
        ),
        (
            EMAIL.delay(),
            "delay.received",
            {"recipients": ["ada@example.com"], "delayType": "TransientCommunicationFailure"},
        ),
        (EMAIL.opened(), "open.received", READER),
        (
            EMAIL.click(),
            "click.received",
            {
                **READER,
                "link": "https://example.com/offer",
                "linkTags": [
                    {"name": "campaign", "value": "spring"},
                    {"name": "campaign", "value": "sale"},
                ],
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_carries_the_email_and_the_time_of_its_feedback(
    event: dict[str, Any], subject: str, data: dict[str, Any]
) -> None:
    published = event_of(read(event))

    assert published is not None
    assert (published.subject, published.tenant_id, published.resource) == (
        subject,
        EMAIL.tenant_id,
        str(EMAIL.email_id),
    )
    assert json_format.MessageToDict(published.data) == {"email": REFERENCE, "occurTime": AT, **data}


def test_a_reject_event_carries_the_time_of_its_email() -> None:
    published = event_of(read(EMAIL.reject()))

    assert published is not None
    assert json_format.MessageToDict(published.data) == {
        "email": REFERENCE,
        "reason": "Bad content",
        "occurTime": "2026-03-01T12:30:40Z",
    }


def test_a_rendering_failure_event_carries_its_reason() -> None:
    published = event_of(read(EMAIL.rendering_failure()))

    assert published is not None
    assert published.subject == "rendering.failed"
    assert json_format.MessageToDict(published.data)["reason"] == "Attribute 'name' is not present."


def test_feedback_without_our_tags_is_published_under_its_ses_id() -> None:
    published = event_of(read(as_notification(EMAIL.bounce())))

    assert published is not None
    assert (published.tenant_id, published.resource) == (None, EMAIL.ses_id)
    assert json_format.MessageToDict(published.data)["email"] == {"sesId": EMAIL.ses_id}


@pytest.mark.parametrize("tags", [None, [], "spring", {"campaign": None}, {"campaign": [7]}], ids=str)
def test_link_tags_in_another_form_are_left_out(tags: Any) -> None:
    event = EMAIL.click()
    event["click"]["linkTags"] = tags

    published = event_of(read(event))

    assert published is not None
    assert "linkTags" not in json_format.MessageToDict(published.data)


@pytest.mark.parametrize(
    "event",
    [EMAIL.send(), EMAIL.subscription(), EMAIL.event("Teleport", "teleport", {})],
    ids=["send", "subscription", "unknown"],
)
def test_kinds_that_are_only_stored_publish_no_event(event: dict[str, Any]) -> None:
    assert event_of(read(event)) is None


def test_feedback_about_a_heartbeat_publishes_no_event() -> None:
    delivery = EMAIL.delivery()
    delivery["mail"]["tags"] = {"lh-attempt": [str(EMAIL.attempt_id)]}

    assert event_of(read(delivery)) is None
