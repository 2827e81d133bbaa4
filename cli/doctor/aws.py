"""Looks at the way SES's events come back: configuration set, topic, queue. Reads, and changes nothing."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cli.aws_setup import EVENT_TYPES
from cli.doctor.findings import Finding, unseen, well, wrong

MAKE = "`letterhead aws-setup` makes what is missing."
CONFIRM = "SNS posts a confirmation that webhooks answers; see LETTERHEAD_SNS_PORT, and run aws-setup again."
REDRIVE = "docs/runbooks/sns-messages-refused.md says how to find out why, and how to take them back."
COUNT = "ApproximateNumberOfMessages"
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5)
MISSING = ("NotFoundException", "NotFound", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


@dataclass(frozen=True, slots=True)
class Way:
    """The names of the stations that an event passes: what sender and webhooks are set to."""

    account: str
    configuration_set: str
    topic: str
    queue: str
    # What webhooks is set to: `off`, `count` or `enforce`.
    signatures: str = "off"


def look_at_aws(session: boto3.Session, endpoint_url: str | None, way: Way) -> list[Finding]:
    """A finding for each station; blocks."""
    ses, sns, sqs = (
        session.client(service, endpoint_url=endpoint_url, config=CONFIG)
        for service in ("sesv2", "sns", "sqs")
    )
    partition = session.get_partition_for_region(session.region_name)
    place = f"{session.region_name}:{way.account}"
    topic_arn = _arn(f"arn:{partition}:sns:{place}", way.topic)
    queue_arn = _arn(f"arn:{partition}:sqs:{place}", way.queue.rpartition("/")[2])
    stations: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("ses-events", lambda: _configuration_set(ses, way.configuration_set, topic_arn)),
        ("topic", lambda: _topic(sns, topic_arn, queue_arn)),
        ("signatures", lambda: _signatures(sns, topic_arn, way.signatures)),
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
    subscriptions = _subscriptions(sns, topic_arn)
    found = [each for each in subscriptions if each["Endpoint"] == queue_arn or each["Protocol"] == "https"]
    pending = [each["Endpoint"] for each in found if not each["SubscriptionArn"].startswith("arn:")]
    if not found:
        yield wrong("topic", f"{topic_arn} has no subscription of {queue_arn} or of an HTTPS endpoint", MAKE)
    elif pending:
        yield wrong("topic", f"the subscription of {', '.join(pending)} is not confirmed", CONFIRM)
    else:
        yield well("topic", f"{topic_arn} leads to {', '.join(each['Endpoint'] for each in found)}")


def _subscriptions(sns: Any, topic_arn: str) -> list[dict[str, str]]:
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    return [each for page in pages for each in page["Subscriptions"]]


def _signatures(sns: Any, topic_arn: str, policy: str) -> Iterator[Finding]:
    """Tell what would be refused once signatures are enforced: SHA-1, and raw messages, which have none."""
    version = sns.get_topic_attributes(TopicArn=topic_arn)["Attributes"].get("SignatureVersion", "1")
    confirmed = [
        each for each in _subscriptions(sns, topic_arn) if each["SubscriptionArn"].startswith("arn:")
    ]
    raw = [each["Endpoint"] for each in confirmed if _is_raw(sns, each["SubscriptionArn"])]
    if version != "2":
        fault, remedy = f"{topic_arn} is signed with SignatureVersion {version}, not 2", MAKE
    elif raw:
        fault = f"raw message delivery, which has no signatures, is on for {', '.join(raw)}"
        remedy = "Turn it off, or set LETTERHEAD_FEEDBACK_SIGNATURES to off."
    else:
        yield well("signatures", f"{topic_arn} signs with SHA-256; on the queue it is set to {policy}")
        return
    if policy == "off":
        yield well("signatures", f"{fault}; signatures on the queue are off, and could not be enforced")
    else:
        yield wrong("signatures", fault, remedy)


def _is_raw(sns: Any, subscription_arn: str) -> bool:
    answer = sns.get_subscription_attributes(SubscriptionArn=subscription_arn)
    return bool(answer["Attributes"].get("RawMessageDelivery") == "true")


def _queue(sqs: Any, name: str) -> Iterator[Finding]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    wanted = [COUNT, "RedrivePolicy"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    if "RedrivePolicy" not in attributes:
        yield wrong("queue", f"{name} has no dead-letter queue: what is refused comes again for days", MAKE)
        return
    target = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
    dead_url = sqs.get_queue_url(QueueName=target)["QueueUrl"]
    dead = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=[COUNT])["Attributes"][COUNT]
    if dead != "0":
        yield wrong("queue", f"about {dead} messages were refused, and lie in {target}", REDRIVE)
    else:
        yield well("queue", f"{name} is there, with about {attributes[COUNT]} waiting")


def _arn(prefix: str, name: str) -> str:
    return name if name.startswith("arn:") else f"{prefix}:{name}"
