"""Unwraps SES's event from SNS's envelope and checks that the envelope is of the configured topic.

Pure. SES's event itself is parsed by `model.feedback`, after it is stored.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from services.webhooks.model.bounds import bounded_text
from services.webhooks.model.rejections import Forged
from services.webhooks.model.sns import MAX_BODY, Message

MAX_SNS_ID = 100


@dataclass(frozen=True, slots=True)
class Arrival:
    """SES's event as it arrived, with an id that stays the same on redelivery, and the ARN that it is from.

    They are SNS's message id and the topic's ARN, or EventBridge's event id and the rule's ARN.
    """

    sns_id: str
    topic_arn: str
    body: str = field(repr=False)


def arrival_of(message: Message) -> Arrival:
    """Return the event in a verified notification; raise Forged for a message of another type."""
    if message.type != "Notification":
        raise Forged("no_notification")
    return Arrival(message.id, message.topic_arn, bounded_text(message.text, MAX_BODY))


def unwrap(body: str, sqs_id: str, topic_arn: str) -> Arrival:
    """Return the event in a queue message; raise Forged unless it is a notification of `topic_arn`.

    A body without an envelope is raw message delivery, where only the queue's policy restricts who may send
    (https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html).
    """
    if len(body.encode("utf-8", "replace")) > MAX_BODY:
        raise Forged("too_large")
    envelope = _envelope(body)
    if envelope is None:
        return Arrival(f"sqs:{sqs_id}", topic_arn, bounded_text(body, MAX_BODY))
    if envelope.get("TopicArn") != topic_arn:
        raise Forged("foreign_topic")
    sns_id, text = envelope.get("MessageId"), envelope.get("Message")
    if envelope.get("Type") != "Notification" or not (isinstance(sns_id, str) and isinstance(text, str)):
        raise Forged("no_notification")
    return Arrival(bounded_text(sns_id, MAX_SNS_ID), topic_arn, bounded_text(text, MAX_BODY))


def _envelope(body: str) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and "TopicArn" in content else None
