"""Parsing every kind of SES event, in both formats, and recognizing repeated events."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from services.webhooks.model.feedback import FeedbackEvent, Kind, Malformed, counted, hard, parse
from tests.unit.webhooks.ses_events import SentEmail, as_notification

RECEIVED = datetime(2026, 3, 1, 13, tzinfo=UTC)
AT = datetime(2026, 3, 1, 12, 30, 45, 678000, tzinfo=UTC)
ACCEPTED = datetime(2026, 3, 1, 12, 30, 40, tzinfo=UTC)
EMAIL = SentEmail(to=("ada@example.com", "bob@example.net"))
BOTH = ("ada@example.com", "bob@example.net")

EVERY_KIND = [
    (EMAIL.send(), Kind.SEND, BOTH, ACCEPTED),
    (EMAIL.delivery(), Kind.DELIVERY, BOTH, AT),
    (EMAIL.bounce(), Kind.BOUNCE, BOTH, AT),
    (EMAIL.complaint(), Kind.COMPLAINT, BOTH, AT),
    (EMAIL.reject(), Kind.REJECT, BOTH, ACCEPTED),
    (EMAIL.opened(), Kind.OPEN, (), AT),
    (EMAIL.click(), Kind.CLICK, (), AT),
    (EMAIL.delay(), Kind.DELAY, BOTH, AT),
    (EMAIL.rendering_failure(), Kind.RENDERING_FAILURE, BOTH, ACCEPTED),
    (EMAIL.subscription(), Kind.SUBSCRIPTION, (), AT),
    (EMAIL.event("Teleport", "teleport", {"to": "Mars"}), Kind.UNSPECIFIED, (), ACCEPTED),
]


def read(event: dict[str, Any]) -> FeedbackEvent:
    return read_text(json.dumps(event))


def read_text(body: str) -> FeedbackEvent:
    return parse(body, RECEIVED)


@pytest.mark.parametrize(
    ("event", "kind", "recipients", "occurred_at"), EVERY_KIND, ids=lambda value: str(value)[:30]
)
def test_every_kind_is_parsed_with_its_recipients_time_and_our_tags(
    event: dict[str, Any], kind: Kind, recipients: tuple[str, ...], occurred_at: datetime
) -> None:
    feedback_event = read(event)

    assert (feedback_event.kind, feedback_event.ses_id) == (kind, EMAIL.ses_id)
    assert tuple(each.address for each in feedback_event.recipients) == recipients
    assert feedback_event.occurred_at == occurred_at
    assert (feedback_event.tenant_id, feedback_event.email_id, feedback_event.attempt_id) == (
        EMAIL.tenant_id,
        EMAIL.email_id,
        EMAIL.attempt_id,
    )


@pytest.mark.parametrize(
    "event", [EMAIL.bounce(), EMAIL.complaint(), EMAIL.delivery()], ids=["bounce", "complaint", "delivery"]
)
def test_the_older_format_is_the_same_feedback_without_our_tags(event: dict[str, Any]) -> None:
    old = read(as_notification(event))

    assert old.meaning == read(event).meaning
    assert old.block == read(event).block
    assert (old.tenant_id, old.email_id, old.attempt_id) == (None, None, None)


def test_an_event_of_an_unknown_kind_is_stored_whole() -> None:
    event = EMAIL.event("Teleport", "teleport", {"to": "Mars"})

    assert read(event).detail == event


def test_a_bounce_has_the_receivers_status_and_diagnostic_for_each_recipient() -> None:
    first, second = read(EMAIL.bounce()).recipients

    assert (first.address, first.status, first.diagnostic) == (
        "ada@example.com", "5.1.1", "smtp; 550 5.1.1 user unknown",
    )  # fmt: skip
    assert second.address == "bob@example.net"


@pytest.mark.parametrize(
    ("bounce_type", "sub_type", "expected"),
    [
        ("Permanent", "General", True),
        ("Permanent", "NoEmail", True),
        ("Permanent", "SomethingNew", True),
        ("Permanent", "Suppressed", False),
        ("Permanent", "OnAccountSuppressionList", False),
        ("Permanent", "OnTenantSuppressionList", False),
        ("Permanent", "EmailValidationSuppressed", False),
        ("Permanent", "UnsubscribedRecipient", False),
        ("Transient", "General", False),
        ("Transient", "MailboxFull", False),
        ("Transient", "MessageTooLarge", False),
        ("Transient", "CustomTimeoutExceeded", False),
        ("Transient", "ContentRejected", False),
        ("Transient", "AttachmentRejected", False),
        ("Undetermined", "Undetermined", False),
        ("SomethingNew", "General", False),
    ],
)
def test_only_a_permanent_bounce_that_ses_attempted_to_deliver_is_hard(
    bounce_type: str, sub_type: str, *, expected: bool
) -> None:
    assert hard(read(EMAIL.bounce(bounce_type, sub_type))) is expected


@pytest.mark.parametrize(
    ("feedback_type", "sub_type", "expected"),
    [
        ("abuse", None, True),
        ("fraud", None, True),
        ("virus", None, True),
        ("other", None, True),
        ("something-new", None, True),
        (None, None, True),
        ("not-spam", None, False),
        ("auth-failure", None, False),
        ("Auth-Failure", None, False),
        ("abuse", "OnAccountSuppressionList", False),
        (None, "OnAccountSuppressionList", False),
    ],
)
def test_only_a_complaint_from_a_person_counts(
    feedback_type: str | None, sub_type: str | None, *, expected: bool
) -> None:
    assert counted(read(EMAIL.complaint(feedback_type, sub_type))) is expected


def test_different_events_of_one_email_differ_in_meaning() -> None:
    later = EMAIL.delay()
    later["deliveryDelay"]["timestamp"] = "2026-03-01T14:00:00.000Z"
    events = [*EMAIL.every_kind(), later, EMAIL.click("https://example.com/other"), *SentEmail().every_kind()]

    assert len({read(event).meaning for event in events}) == len(events)


def test_order_and_repetition_do_not_change_the_feedback() -> None:
    """SES guarantees neither order nor uniqueness, so 1,000 shuffled streams must give equal feedback."""
    events = [json.dumps(event) for event in SentEmail(to=BOTH).every_kind()]
    feedback_events = {feedback_event.meaning: feedback_event for feedback_event in map(read_text, events)}
    dice = random.Random(7)  # noqa: S311 - a fixed seed gives the same orders in every run

    for _ in range(1_000):
        received = dice.sample(events, len(events)) + dice.choices(events, k=10)
        dice.shuffle(received)
        assert {
            feedback_event.meaning: feedback_event for feedback_event in map(read_text, received)
        } == feedback_events


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("Successfully validated SNS topic for Amazon SES event publishing.", "is not JSON: 'Successf"),
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("NaN", "is not a JSON object"),
        ("1" * 10_000, "is not JSON"),
        ('["Bounce"]', "is not a JSON object"),
        ('{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"hello"}', "names no email"),
        ('{"eventType":"Bounce","mail":"?"}', "names no email"),
        ('{"eventType":"Bounce","mail":{"messageId":7}}', "names no email"),
        ('{"mail":{"messageId":"1"}}', "has neither eventType nor"),
        ('{"eventType":["Bounce"],"mail":{"messageId":"1"}}', "has neither eventType nor"),
    ],
    ids=range(11),
)  # fmt: skip
def test_malformed_events_are_rejected_with_a_message(body: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse(body, RECEIVED)
