"""Makes what SES needs once in an account: the configuration set, and the way back for its events.

Run by whoever owns the account (`letterhead aws-setup`); the services have none of the rights that it takes.
Safe to run again: everything is created or found, and set to what it should be.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from chassis.config import AWS_CONTROL_INTERVAL

# All that SES can tell but SUBSCRIPTION, which needs its own contact lists (EventType in the sesv2 model).
EVENT_TYPES = [
    "SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY",
    "OPEN", "CLICK", "RENDERING_FAILURE", "DELIVERY_DELAY",
]  # fmt: skip
DESTINATION = "feedback"
CONTROL_INTERVAL_SECONDS = AWS_CONTROL_INTERVAL.total_seconds()
MESSAGE_RETENTION_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True)
class Feedback:
    """The way back for events."""

    configuration_set: str
    topic_arn: str
    queue_url: str
    dead_letter_queue_url: str


def set_up(
    session: boto3.Session, *, account: str, endpoint_url: str | None, name: str = "letterhead"
) -> Feedback:
    """Creates configuration set `NAME`, and topic and queue `NAME-feedback`, in the session's region."""
    region = session.region_name
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=20)
    ses, sns, sqs = (
        session.client(service, endpoint_url=endpoint_url, config=config)
        for service in ("sesv2", "sns", "sqs")
    )
    way = f"{name}-feedback"
    topic_arn = _topic(sns, way, account, f"arn:aws:ses:{region}:{account}:configuration-set/{name}")
    dead_letters = sqs.create_queue(
        QueueName=f"{way}-dead", Attributes={"MessageRetentionPeriod": str(MESSAGE_RETENTION_SECONDS)}
    )["QueueUrl"]
    queue = _queue(sqs, way, topic_arn, _queue_arn(sqs, dead_letters))
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=_queue_arn(sqs, queue))
    _configuration_set(ses, name, topic_arn)
    return Feedback(name, topic_arn, queue, dead_letters)


def _topic(sns: Any, name: str, account: str, source_arn: str) -> str:
    """A topic that only our configuration set may publish to, signed with SHA-256."""
    topic_arn: str = sns.create_topic(Name=name)["TopicArn"]
    policy = _allow("ses.amazonaws.com", "sns:Publish", topic_arn, {
        "StringEquals": {"AWS:SourceAccount": account, "AWS:SourceArn": source_arn},
    })  # fmt: skip
    sns.set_topic_attributes(TopicArn=topic_arn, AttributeName="Policy", AttributeValue=policy)
    sns.set_topic_attributes(TopicArn=topic_arn, AttributeName="SignatureVersion", AttributeValue="2")
    return topic_arn


def _queue(sqs: Any, name: str, topic_arn: str, dead_letter_arn: str) -> str:
    """A queue that only our topic may send to; what is received ten times in vain is set aside."""
    queue_url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(
        QueueUrl=queue_url,
        Attributes={
            "Policy": _allow("sns.amazonaws.com", "sqs:SendMessage", _queue_arn(sqs, queue_url), {
                "ArnEquals": {"aws:SourceArn": topic_arn},
            }),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": "10"}),
            "MessageRetentionPeriod": str(MESSAGE_RETENTION_SECONDS),
            "VisibilityTimeout": "30",
            "ReceiveMessageWaitTimeSeconds": "20",
        },
    )  # fmt: skip
    return queue_url


def _configuration_set(ses: Any, name: str, topic_arn: str) -> None:
    """The configuration set with its one event destination."""
    _made(ses.create_configuration_set, ConfigurationSetName=name)
    time.sleep(CONTROL_INTERVAL_SECONDS)
    destination = {
        "Enabled": True,
        "MatchingEventTypes": EVENT_TYPES,
        "SnsDestination": {"TopicArn": topic_arn},
    }
    arguments = {
        "ConfigurationSetName": name,
        "EventDestinationName": DESTINATION,
        "EventDestination": destination,
    }
    if not _made(ses.create_configuration_set_event_destination, **arguments):
        time.sleep(CONTROL_INTERVAL_SECONDS)
        ses.update_configuration_set_event_destination(**arguments)
    time.sleep(CONTROL_INTERVAL_SECONDS)  # leaves the account's one request a second to whoever starts next


def _made(create: Callable[..., Any], **arguments: Any) -> bool:
    """Creates a thing, or says False when it is there already."""
    try:
        create(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
        return False
    return True


def _queue_arn(sqs: Any, queue_url: str) -> str:
    arn: str = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    return arn


def _allow(service: str, action: str, resource: str, condition: dict[str, Any]) -> str:
    """A resource policy: one AWS service may do one thing, under a condition against the confused deputy."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]})
