"""Creates the AWS resources that Letterhead needs: a configuration set, and a topic and queue for its events.

An administrator of the account runs it (`letterhead aws-setup`); the services do not have the permissions.
It is idempotent: it creates what is missing and updates what exists.
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

# All event types of SES except SUBSCRIPTION, which needs SES's contact lists (EventType in the sesv2 model).
EVENT_TYPES = [
    "SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY",
    "OPEN", "CLICK", "RENDERING_FAILURE", "DELIVERY_DELAY",
]  # fmt: skip
DESTINATION = "feedback"
BUS_DESTINATION = "feedback-events"
TARGET = "feedback"
CONTROL_INTERVAL_SECONDS = AWS_CONTROL_INTERVAL.total_seconds()
HTTPS_RETRIES = 3
MESSAGE_RETENTION_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True)
class Feedback:
    """The names of the created resources; without a rule, `rule_arn` is empty."""

    configuration_set: str
    topic_arn: str
    queue_url: str
    dead_letter_queue_url: str
    rule_arn: str


def set_up(
    session: boto3.Session,
    *,
    account: str,
    endpoint_url: str | None,
    name: str = "letterhead",
    https_url: str = "",
    event_rule: bool = False,
) -> Feedback:
    """Create the configuration set `NAME`, and a topic and a queue `NAME-feedback`, in the session's region.

    With `https_url`, the topic posts to that URL, and the queue gets what cannot be posted within a minute.
    With `event_rule`, SES publishes to EventBridge too, and a rule `NAME-feedback` sends to the queue.
    """
    region = session.region_name
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=20)
    ses, sns, sqs, events = (
        session.client(service, endpoint_url=endpoint_url, config=config)
        for service in ("sesv2", "sns", "sqs", "events")
    )
    feedback = f"{name}-feedback"
    partition = session.get_partition_for_region(region)
    set_arn = f"arn:{partition}:ses:{region}:{account}:configuration-set/{name}"
    topic_arn = _topic(sns, feedback, account, set_arn)
    rule_arn = _rule(events, feedback, set_arn) if event_rule else ""
    dead_letters = sqs.create_queue(
        QueueName=f"{feedback}-dead", Attributes={"MessageRetentionPeriod": str(MESSAGE_RETENTION_SECONDS)}
    )["QueueUrl"]
    queue = _queue(sqs, feedback, topic_arn, rule_arn, _queue_arn(sqs, dead_letters))
    _subscriptions(sns, topic_arn, _queue_arn(sqs, queue), https_url)
    _configuration_set(ses, name)
    _destination(ses, name, DESTINATION, {"SnsDestination": {"TopicArn": topic_arn}})
    if event_rule:
        _target(events, feedback, _queue_arn(sqs, queue))
        bus_arn = f"arn:{partition}:events:{region}:{account}:event-bus/default"
        _destination(ses, name, BUS_DESTINATION, {"EventBridgeDestination": {"EventBusArn": bus_arn}})
    return Feedback(name, topic_arn, queue, dead_letters, rule_arn)


def _topic(sns: Any, name: str, account: str, source_arn: str) -> str:
    """Create a topic that only our configuration set may publish to and that signs with SHA-256."""
    topic_arn: str = sns.create_topic(Name=name)["TopicArn"]
    from_set = {"StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": source_arn}}
    policy = _policy(
        "sns:Publish",
        topic_arn,
        only_if={"ses.amazonaws.com": from_set},
        never_if={
            "NotOurConfigurationSet": {"ArnNotEquals": {"aws:SourceArn": source_arn}},
            "NotOurAccount": {"StringNotEquals": {"aws:SourceAccount": account}},
        },
    )
    sns.set_topic_attributes(TopicArn=topic_arn, AttributeName="Policy", AttributeValue=policy)
    sns.set_topic_attributes(TopicArn=topic_arn, AttributeName="SignatureVersion", AttributeValue="2")
    return topic_arn


def _rule(events: Any, name: str, source_arn: str) -> str:
    """Create a rule on the default event bus that selects SES's events of our configuration set."""
    pattern = json.dumps({"source": ["aws.ses"], "resources": [source_arn]})
    arn: str = events.put_rule(Name=name, EventPattern=pattern, State="ENABLED")["RuleArn"]
    return arn


def _target(events: Any, rule: str, queue_arn: str) -> None:
    answer = events.put_targets(Rule=rule, Targets=[{"Id": TARGET, "Arn": queue_arn}])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge rejected the target of {rule}: {answer['FailedEntries']}")


def _queue(sqs: Any, name: str, topic_arn: str, rule_arn: str, dead_letter_arn: str) -> str:
    """Create a queue that only our topic, and our rule if there is one, may send to.

    It dead-letters a message after ten receives.
    """
    queue_url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    sources = {"sns.amazonaws.com": topic_arn} | ({"events.amazonaws.com": rule_arn} if rule_arn else {})
    policy = _policy(
        "sqs:SendMessage",
        _queue_arn(sqs, queue_url),
        only_if={each: {"ArnEquals": {"aws:SourceArn": arn}} for each, arn in sources.items()},
        never_if={"NotOurSource": {"ArnNotEquals": {"aws:SourceArn": list(sources.values())}}},
    )
    sqs.set_queue_attributes(
        QueueUrl=queue_url,
        Attributes={
            "Policy": policy,
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": "10"}),
            "MessageRetentionPeriod": str(MESSAGE_RETENTION_SECONDS),
            "VisibilityTimeout": "30",
            "ReceiveMessageWaitTimeSeconds": "20",
        },
    )
    return queue_url


def _subscriptions(sns: Any, topic_arn: str, queue_arn: str, https_url: str) -> None:
    """Subscribe the queue to the topic, or the HTTPS endpoint with the queue as its dead-letter queue.

    Raw message delivery is off because a raw message has no signature.
    """
    if not https_url:
        made = sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]
        raw = {"AttributeName": "RawMessageDelivery", "AttributeValue": "false"}
        sns.set_subscription_attributes(SubscriptionArn=made, **raw)
        return
    retries = {"minDelayTarget": 5, "maxDelayTarget": 20, "numRetries": HTTPS_RETRIES}
    attributes = {
        "DeliveryPolicy": json.dumps({"healthyRetryPolicy": retries}),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": queue_arn}),
    }
    sns.subscribe(TopicArn=topic_arn, Protocol="https", Endpoint=https_url, Attributes=attributes)


def _configuration_set(ses: Any, name: str) -> None:
    _made(ses.create_configuration_set, ConfigurationSetName=name)
    time.sleep(CONTROL_INTERVAL_SECONDS)


def _destination(ses: Any, configuration_set: str, name: str, kind: dict[str, Any]) -> None:
    """Create or update an event destination of the configuration set."""
    arguments = {
        "ConfigurationSetName": configuration_set,
        "EventDestinationName": name,
        "EventDestination": {"Enabled": True, "MatchingEventTypes": EVENT_TYPES, **kind},
    }
    if not _made(ses.create_configuration_set_event_destination, **arguments):
        time.sleep(CONTROL_INTERVAL_SECONDS)
        ses.update_configuration_set_event_destination(**arguments)
    time.sleep(
        CONTROL_INTERVAL_SECONDS
    )  # SES allows one request per second per account; the next program may start at once


def _made(create: Callable[..., Any], **arguments: Any) -> bool:
    """Call `create`; return False if the resource exists already."""
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


def _policy(
    action: str,
    resource: str,
    *,
    only_if: dict[str, dict[str, Any]],
    never_if: dict[str, dict[str, Any]],
) -> str:
    """Return a policy that allows AWS services one action, each under a condition, and denies everyone else.

    The explicit denials also apply to principals of our own account, whose own policies could allow it.
    """
    allowed = [
        {"Effect": "Allow", "Principal": {"Service": service}, "Condition": condition}
        for service, condition in only_if.items()
    ]
    conditions = never_if | {"NotOverTls": {"Bool": {"aws:SecureTransport": "false"}}}
    denied = [
        {"Sid": reason, "Effect": "Deny", "Principal": "*", "Condition": condition}
        for reason, condition in conditions.items()
    ]
    statements = [each | {"Action": action, "Resource": resource} for each in (*allowed, *denied)]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
