"""Checks the resources that SES's events pass through: configuration set, topic and queue. Read-only."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chassis.queue_policy import fault_of
from chassis.regions import AwsRegion
from cli.aws.account import check_caller, partition_of
from cli.aws.api import Api
from cli.aws.desired import EVENT_TYPES
from cli.aws.errors import NO_CREDENTIALS, SetupError
from cli.aws.plan import Action, Change
from cli.aws.setup import Setup
from cli.aws.target import Target
from cli.doctor.findings import Finding, PartStatus, unseen, well, wrong
from cli.exit_status import USAGE

MAKE = "Run `letterhead aws setup --apply` to fix this."
MAKE_RULE = "Run `letterhead aws setup --apply --event-rule`, or change the queue's policy."
CONFIRM = (
    "Check that SNS can reach webhooks at LETTERHEAD_SNS_PORT, then run `letterhead aws setup --apply` again."
)
REDRIVE = "Find the cause and redrive them: docs/runbooks/sns-messages-refused.md."
COUNT = "ApproximateNumberOfMessages"
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5)
MISSING = ("NotFoundException", "NotFound", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


@dataclass(frozen=True, slots=True)
class Way:
    """The names of the resources that an event passes through, as sender and webhooks are configured."""

    account: str
    configuration_set: str
    topic: str
    queue: str
    # LETTERHEAD_FEEDBACK_SIGNATURES of webhooks: `off`, `count` or `enforce`.
    signatures: str = "off"
    # LETTERHEAD_FEEDBACK_RULE of webhooks; empty if no EventBridge rule may send.
    rule: str = ""


def check_aws(session: boto3.Session, endpoint_url: str | None, way: Way) -> list[Finding]:
    """Check the credentials, then each resource, and return the findings; blocks."""
    caller = _caller(session, endpoint_url, way.account)
    if caller.status is not PartStatus.WELL:
        return [caller]
    return [caller, *_findings(session, endpoint_url, way)]


def _caller(session: boto3.Session, endpoint_url: str | None, account: str) -> Finding:
    """Check that the credentials are of the account and region that the settings name."""
    region = AwsRegion(account=account, region=session.region_name)
    try:
        arn = check_caller(Api(session, endpoint_url, attempts=2), region, partition_of(session))
    except SetupError as error:
        make = wrong if error.status == USAGE and not _without_credentials(error) else unseen
        return make("aws", str(error), "See docs/aws.md.")
    return well("aws", f"checks {session.region_name} as {arn}")


def _without_credentials(error: SetupError) -> bool:
    return isinstance(error.__cause__, NO_CREDENTIALS)


def _findings(session: boto3.Session, endpoint_url: str | None, way: Way) -> list[Finding]:
    ses, sns, sqs = (
        session.client(service, endpoint_url=endpoint_url, config=CONFIG)
        for service in ("sesv2", "sns", "sqs")
    )
    partition = session.get_partition_for_region(session.region_name)
    scope = f"{session.region_name}:{way.account}"
    topic_arn = _arn(f"arn:{partition}:sns:{scope}", way.topic)
    queue_arn = _arn(f"arn:{partition}:sqs:{scope}", way.queue.rpartition("/")[2])
    rule_arn = _arn(f"arn:{partition}:events:{scope}:rule", way.rule, "/") if way.rule else ""
    target = Target(
        partition=partition,
        account=way.account,
        region=session.region_name,
        configuration_set=way.configuration_set,
        event_rule=bool(way.rule),
    )
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("resources", lambda: _resources(sns, Api(session, endpoint_url), target, (topic_arn, queue_arn))),
        ("ses-events", lambda: _configuration_set(ses, way.configuration_set, topic_arn)),
        ("topic", lambda: _topic(sns, topic_arn, queue_arn)),
        ("signatures", lambda: _signatures(sns, topic_arn, way.signatures)),
        ("queue", lambda: _queue(sqs, queue_arn.rpartition(":")[2])),
        ("event-rule", lambda: _event_rule(sqs, queue_arn.rpartition(":")[2], rule_arn, topic_arn)),
    )
    return [finding for part, check in checks for finding in _checked(part, check)]


def _checked(part: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in MISSING:
            yield wrong(part, error.response["Error"].get("Message", code), MAKE)
        else:
            yield unseen(part, f"AWS denied the request: {error}", "Use credentials with read permissions.")
    except BotoCoreError as error:
        yield unseen(part, f"AWS request failed: {error}", "Check the network and LETTERHEAD_AWS_REGION.")


def _resources(sns: Any, api: Api, target: Target, used: tuple[str, str]) -> Iterator[Finding]:
    """Report what differs from what `letterhead aws setup` makes. Roles are not compared."""
    if used != (target.topic_arn, target.queue_arn):
        note = (
            "the topic and queue are not named as `letterhead aws setup` names them, and not compared with it"
        )
        yield unseen("resources", note, "Compare their policies with docs/aws.md.")
        return
    https = [
        each["Endpoint"] for each in _subscriptions(sns, target.topic_arn) if each["Protocol"] == "https"
    ]
    try:
        plan = Setup(api, replace(target, https_url=next(iter(https), ""))).plan()
    except SetupError as error:
        yield unseen("resources", str(error), "Use credentials with read permissions.")
        return
    yield from (wrong("resources", _fault(change), MAKE) for change in plan.pending)
    if not plan.pending:
        yield well(
            "resources", "topic, queues and configuration set are as `letterhead aws setup` makes them"
        )


def _fault(change: Change) -> str:
    """Return what is wrong with a resource."""
    if change.action is Action.CREATE:
        return f"{change.resource} does not exist"
    return f"{change.resource} has another {' and '.join(each.name for each in change.differences)}"


def _configuration_set(ses: Any, name: str, topic_arn: str) -> Iterator[Finding]:
    answer = ses.get_configuration_set_event_destinations(ConfigurationSetName=name)
    to_topic = [
        each
        for each in answer["EventDestinations"]
        if each.get("Enabled") and each.get("SnsDestination", {}).get("TopicArn") == topic_arn
    ]
    published = {kind for each in to_topic for kind in each["MatchingEventTypes"]}
    if not to_topic:
        yield wrong("ses-events", f"{name} has no enabled event destination for {topic_arn}", MAKE)
    elif missing := sorted(set(EVENT_TYPES) - published):
        yield wrong("ses-events", f"{name} does not publish {', '.join(missing)} events", MAKE)
    else:
        yield well("ses-events", f"configuration set {name} publishes all events to {topic_arn}")


def _topic(sns: Any, topic_arn: str, queue_arn: str) -> Iterator[Finding]:
    subscriptions = _subscriptions(sns, topic_arn)
    found = [each for each in subscriptions if each["Endpoint"] == queue_arn or each["Protocol"] == "https"]
    pending = [each["Endpoint"] for each in found if not each["SubscriptionArn"].startswith("arn:")]
    if not found:
        yield wrong("topic", f"{topic_arn} has no subscription for {queue_arn} or an HTTPS endpoint", MAKE)
    elif pending:
        yield wrong("topic", f"the subscription of {', '.join(pending)} is not confirmed", CONFIRM)
    else:
        yield well("topic", f"{topic_arn} delivers to {', '.join(each['Endpoint'] for each in found)}")


def _subscriptions(sns: Any, topic_arn: str) -> list[dict[str, str]]:
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    return [each for page in pages for each in page["Subscriptions"]]


def _signatures(sns: Any, topic_arn: str, policy: str) -> Iterator[Finding]:
    """Report what enforcing signatures would reject: SHA-1 signatures, and raw messages, which have none."""
    version = sns.get_topic_attributes(TopicArn=topic_arn)["Attributes"].get("SignatureVersion", "1")
    confirmed = [
        each for each in _subscriptions(sns, topic_arn) if each["SubscriptionArn"].startswith("arn:")
    ]
    raw = [each["Endpoint"] for each in confirmed if _is_raw(sns, each["SubscriptionArn"])]
    if version != "2":
        fault, remedy = f"{topic_arn} is signed with SignatureVersion {version}, not 2", MAKE
    elif raw:
        fault = f"raw message delivery, which has no signatures, is enabled for {', '.join(raw)}"
        remedy = "Disable it, or set LETTERHEAD_FEEDBACK_SIGNATURES to off."
    else:
        yield well("signatures", f"{topic_arn} signs with SHA-256; verification on the queue: {policy}")
        return
    if policy == "off":
        yield well("signatures", f"{fault}; verification on the queue is off and could not be enforced")
    else:
        yield wrong("signatures", fault, remedy)


def _is_raw(sns: Any, subscription_arn: str) -> bool:
    answer = sns.get_subscription_attributes(SubscriptionArn=subscription_arn)
    return bool(answer["Attributes"].get("RawMessageDelivery") == "true")


def _queue(sqs: Any, name: str) -> Iterator[Finding]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    wanted = [COUNT, "RedrivePolicy"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    if not attributes.get("RedrivePolicy"):
        yield wrong(
            "queue", f"{name} has no dead-letter queue, so rejected messages are redelivered for days", MAKE
        )
        return
    target = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
    dead_url = sqs.get_queue_url(QueueName=target)["QueueUrl"]
    dead = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=[COUNT])["Attributes"][COUNT]
    if dead != "0":
        yield wrong("queue", f"about {dead} rejected messages are in the dead-letter queue {target}", REDRIVE)
    else:
        yield well("queue", f"{name} has about {attributes[COUNT]} messages waiting")


def _event_rule(sqs: Any, name: str, rule_arn: str, topic_arn: str) -> Iterator[Finding]:
    """Report why webhooks would reject events in EventBridge's form, which have no signature, if it would."""
    if not rule_arn:
        return
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    wanted = ["Policy", "QueueArn"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    fault = fault_of(
        attributes.get("Policy", ""), attributes["QueueArn"], rule_arn=rule_arn, others=(topic_arn,)
    )
    if fault:
        yield wrong("event-rule", f"{name} accepts no events of EventBridge: {fault}", MAKE_RULE)
    else:
        yield well("event-rule", f"{name} accepts events of {rule_arn}, and of no other rule")


def _arn(prefix: str, name: str, separator: str = ":") -> str:
    return name if name.startswith("arn:") else f"{prefix}{separator}{name}"
