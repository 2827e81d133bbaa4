"""Unwrapping queue messages: which are accepted, and which are rejected."""

import json

import pytest

from services.webhooks.model.envelope import unwrap
from services.webhooks.model.rejections import Rejected
from services.webhooks.model.sns import MAX_BODY
from tests.unit.webhooks.ses_events import SentEmail, envelope

TOPIC = "arn:aws:sns:us-east-1:123456789012:letterhead-feedback"
EVENT = SentEmail().send()


def test_an_envelope_of_our_topic_is_unwrapped() -> None:
    arrival = unwrap(envelope(EVENT, TOPIC, "sns-1"), "sqs-1", TOPIC)

    assert (arrival.sns_id, arrival.topic_arn, arrival.body) == ("sns-1", TOPIC, json.dumps(EVENT))


def test_a_raw_message_is_identified_by_its_sqs_id() -> None:
    arrival = unwrap(json.dumps(EVENT), "sqs-1", TOPIC)

    assert (arrival.sns_id, arrival.topic_arn, arrival.body) == ("sqs:sqs-1", TOPIC, json.dumps(EVENT))


def test_a_body_that_is_not_json_is_stored_for_inspection() -> None:
    assert unwrap("hello \0", "sqs-1", TOPIC).body == "hello \ufffd"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (envelope(EVENT, "arn:aws:sns:us-east-1:210987654321:letterhead-feedback"), "foreign_topic"),
        (envelope(EVENT, TOPIC + "-2"), "foreign_topic"),
        (json.dumps({"TopicArn": [TOPIC]}), "foreign_topic"),
        (
            json.dumps({"TopicArn": TOPIC, "Type": "SubscriptionConfirmation", "Token": "t"}),
            "no_notification",
        ),
        (
            json.dumps({"TopicArn": TOPIC, "Type": "Notification", "MessageId": 1, "Message": "{}"}),
            "no_notification",
        ),
        (
            json.dumps({"TopicArn": TOPIC, "Type": "Notification", "MessageId": "1", "Message": {}}),
            "no_notification",
        ),
        ("x" * (MAX_BODY + 1), "too_large"),
    ],
    ids=range(7),
)
def test_messages_that_are_not_notifications_of_our_topic_are_rejected(body: str, reason: str) -> None:
    with pytest.raises(Rejected) as refused:
        unwrap(body, "sqs-1", TOPIC)

    assert refused.value.reason == reason
