"""The resources that Letterhead needs in a region, in the order in which they can be created. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cli.aws.policies import ROLES, queue_policy, role_policy, topic_policy, trust_policy
from cli.aws.target import Target

Properties = Mapping[str, Any]

# All event types of SES except SUBSCRIPTION, which needs SES's contact lists (EventType in the sesv2 model).
EVENT_TYPES = [
    "SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY",
    "OPEN", "CLICK", "RENDERING_FAILURE", "DELIVERY_DELAY",
]  # fmt: skip
DESTINATION = "feedback"
BUS_DESTINATION = "feedback-events"
RULE_TARGET = "feedback"
FOURTEEN_DAYS = str(14 * 24 * 3600)  # seconds, SQS's longest retention
MAX_RECEIVES = 10
CONFIRMED = {"PendingConfirmation": "false"}
HTTPS_RETRIES = {"minDelayTarget": 5, "maxDelayTarget": 20, "numRetries": 3}


class Kind(StrEnum):
    """The kinds of resources, as the plan names them."""

    QUEUE = "SQS queue"
    TOPIC = "SNS topic"
    RULE = "EventBridge rule"
    RULE_TARGET = "target of EventBridge rule"
    SUBSCRIPTION = "subscription of SNS topic"
    CONFIGURATION_SET = "SES configuration set"
    DESTINATION = "event destination of SES configuration set"
    ROLE = "IAM role"
    ROLE_POLICY = "inline policy of IAM role"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource with the properties that it should have, in AWS's names; other properties are left alone.

    `arn` is what IAM authorizes calls on. A part of another resource, e.g. a subscription, has the `parent`'s
    name and ARN.
    """

    kind: Kind
    name: str
    arn: str
    properties: Properties
    parent: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.parent}: {self.name}" if self.parent else f"{self.kind} {self.name}"


def resources(target: Target) -> tuple[Resource, ...]:
    """Return all resources of a target; each comes after those that AWS requires for it."""
    return (*_feedback(target), *_ses(target), *_roles(target))


def _feedback(target: Target) -> Iterator[Resource]:
    tags = target.tags
    yield Resource(
        kind=Kind.QUEUE,
        name=target.dead_letters,
        arn=target.dead_letters_arn,
        properties={"MessageRetentionPeriod": FOURTEEN_DAYS},
        tags=tags,
    )
    yield Resource(
        kind=Kind.TOPIC,
        name=target.feedback,
        arn=target.topic_arn,
        properties={"Policy": topic_policy(target), "SignatureVersion": "2"},
        tags=tags,
    )
    if target.event_rule:
        yield _rule(target)
    yield Resource(
        kind=Kind.QUEUE,
        name=target.feedback,
        arn=target.queue_arn,
        properties={
            "Policy": queue_policy(target),
            "RedrivePolicy": {
                "deadLetterTargetArn": target.dead_letters_arn,
                "maxReceiveCount": MAX_RECEIVES,
            },
            "MessageRetentionPeriod": FOURTEEN_DAYS,
            "VisibilityTimeout": "30",
            "ReceiveMessageWaitTimeSeconds": "20",
        },
        tags=tags,
    )
    yield _subscription(target)
    if target.event_rule:
        yield Resource(
            kind=Kind.RULE_TARGET,
            name=RULE_TARGET,
            parent=target.feedback,
            arn=target.rule_arn,
            properties={"Arn": target.queue_arn},
        )


def _rule(target: Target) -> Resource:
    pattern = {"source": ["aws.ses"], "resources": [target.configuration_set_arn]}
    return Resource(
        kind=Kind.RULE,
        name=target.feedback,
        arn=target.rule_arn,
        properties={"EventPattern": pattern, "State": "ENABLED"},
    )


def _subscription(target: Target) -> Resource:
    """Return the subscription of the queue, or of the HTTPS endpoint with the queue as its dead-letter queue.

    Raw message delivery is off because a raw message has no signature.
    """
    properties: dict[str, Any] = {"Protocol": "sqs", "RawMessageDelivery": "false", **CONFIRMED}
    if target.https_url:
        properties = {
            "Protocol": "https",
            **CONFIRMED,
            "DeliveryPolicy": {"healthyRetryPolicy": HTTPS_RETRIES},
            "RedrivePolicy": {"deadLetterTargetArn": target.queue_arn},
        }
    return Resource(
        kind=Kind.SUBSCRIPTION,
        name=target.https_url or target.queue_arn,
        parent=target.feedback,
        arn=target.topic_arn,
        properties=properties,
    )


def _ses(target: Target) -> Iterator[Resource]:
    arn, name = target.configuration_set_arn, target.configuration_set
    yield Resource(kind=Kind.CONFIGURATION_SET, name=name, arn=arn, properties={}, tags=target.tags)
    destinations = {DESTINATION: {"SnsDestination": {"TopicArn": target.topic_arn}}}
    if target.event_rule:
        destinations[BUS_DESTINATION] = {"EventBridgeDestination": {"EventBusArn": target.bus_arn}}
    for destination, where in destinations.items():
        yield Resource(
            kind=Kind.DESTINATION,
            name=destination,
            parent=name,
            arn=arn,
            properties={"Enabled": True, "MatchingEventTypes": EVENT_TYPES, **where},
        )


def _roles(target: Target) -> Iterator[Resource]:
    for process in ROLES if target.cluster.has_roles else ():
        arn = target.role_arn(process)
        yield Resource(
            kind=Kind.ROLE,
            name=target.role(process),
            arn=arn,
            properties={"AssumeRolePolicyDocument": trust_policy(target, process)},
            tags=target.tags,
        )
        yield Resource(
            kind=Kind.ROLE_POLICY,
            name=target.role_policy,
            parent=target.role(process),
            arn=arn,
            properties={"PolicyDocument": role_policy(target, process)},
        )
