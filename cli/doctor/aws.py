"""Looks at the way SES's events come back: configuration set, topic, queue. Reads, and changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cli.aws_setup import EVENT_TYPES
from cli.doctor.findings import Finding, unseen, well, wrong

MAKE = "`letterhead aws-setup` makes what is missing."
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5)
MISSING = ("NotFoundException", "NotFound", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


@dataclass(frozen=True, slots=True)
class Way:
    """The names of the stations that an event passes: what sender and webhooks are set to."""

    account: str
    configuration_set: str
    topic: str
    queue: str


def look_at_aws(session: boto3.Session, endpoint_url: str | None, way: Way) -> list[Finding]:
    """A finding for each station; blocks."""
    ses, sns, sqs = (
        session.client(service, endpoint_url=endpoint_url, config=CONFIG)
        for service in ("sesv2", "sns", "sqs")
    )
    topic_arn = _arn("sns", session.region_name, way.account, way.topic)
    queue_arn = _arn("sqs", session.region_name, way.account, way.queue.rpartition("/")[2])
    stations: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("ses-events", lambda: _configuration_set(ses, way.configuration_set, topic_arn)),
        ("topic", lambda: _topic(sns, topic_arn, queue_arn)),
        ("queue", lambda: _queue(sqs, queue_arn.rpartition(":")[2])),
    )
    return [finding for part, look in stations for finding in _looked(part, look)]


def _looked(part: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except NoCredentialsError:
        yield unseen(part, "no AWS credentials are here", "boto3's own chain finds them: a profile, a role.")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in MISSING:
            yield wrong(part, error.response["Error"].get("Message", code), MAKE)
        else:
            yield unseen(part, f"AWS does not let us look: {error}", "Look with rights to read it.")
    except BotoCoreError as error:
        yield unseen(part, f"AWS cannot be asked: {error}", "See the way there, and LETTERHEAD_AWS_REGION.")


def _configuration_set(ses: Any, name: str, topic_arn: str) -> Iterator[Finding]:
    answer = ses.get_configuration_set_event_destinations(ConfigurationSetName=name)
    to_topic = [
        each
        for each in answer["EventDestinations"]
        if each.get("Enabled") and each.get("SnsDestination", {}).get("TopicArn") == topic_arn
    ]
    told = {kind for each in to_topic for kind in each["MatchingEventTypes"]}
    if not to_topic:
        yield wrong("ses-events", f"{name} has no enabled destination that leads to {topic_arn}", MAKE)
    elif silent := sorted(set(EVENT_TYPES) - told):
        yield wrong("ses-events", f"{name} does not tell of {', '.join(silent)}", MAKE)
    else:
        yield well("ses-events", f"the configuration set {name} tells {topic_arn} everything")


def _topic(sns: Any, topic_arn: str, queue_arn: str) -> Iterator[Finding]:
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    found = [each for page in pages for each in page["Subscriptions"] if each["Endpoint"] == queue_arn]
    if not found:
        yield wrong("topic", f"nothing leads from {topic_arn} to {queue_arn}", MAKE)
    elif not found[0]["SubscriptionArn"].startswith("arn:"):
        yield wrong("topic", f"the subscription of {queue_arn} is not confirmed", MAKE)
    else:
        yield well("topic", f"{topic_arn} leads to the queue")


def _queue(sqs: Any, name: str) -> Iterator[Finding]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    wanted = ["ApproximateNumberOfMessages"]
    waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"][wanted[0]]
    yield well("queue", f"{name} is there, with about {waiting} waiting")


def _arn(service: str, region: str, account: str, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:{service}:{region}:{account}:{name}"
