"""doctor names what is wrong on the way of SES's events: credentials, topic, queues, configuration set."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
import pytest

from cli.aws.setup import set_up
from cli.doctor.aws import Way, check_aws
from cli.doctor.findings import PartStatus
from tests.integration.cli.findings import of
from tests.internet import Internet

ACCOUNT, REGION = "123456789012", "us-east-1"
WAY = Way(ACCOUNT, "letterhead", "letterhead-feedback", "letterhead-feedback")


async def test_credentials_of_another_account_are_wrong(
    internet: Internet,
) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses

    [other] = await asyncio.to_thread(check_aws, session, endpoint, replace(WAY, account="999999999999"))

    assert (other.part, other.status) == ("aws", PartStatus.WRONG)
    assert "The credentials are of account 123456789012" in other.note


def changed_queue(client: Any, attribute: str) -> None:
    url = client.get_queue_url(QueueName=WAY.queue)["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes={attribute: ""})


def changed_topic(client: Any, attribute: str, value: str) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{WAY.topic}"
    client.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=value)


def without_destination(client: Any) -> None:
    client.delete_configuration_set_event_destination(
        ConfigurationSetName=WAY.configuration_set, EventDestinationName="feedback"
    )


def unsubscribed(client: Any) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{WAY.topic}"
    [found] = client.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    client.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


OPEN_POLICY = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish"}]})
CHANGES: list[tuple[str, Callable[[Any], None], str]] = [
    ("sqs", partial(changed_queue, attribute="Policy"), "SQS queue letterhead-feedback has another Policy"),
    (
        "sqs",
        partial(changed_queue, attribute="RedrivePolicy"),
        "letterhead-feedback has another RedrivePolicy",
    ),
    (
        "sns",
        partial(changed_topic, attribute="Policy", value=OPEN_POLICY),
        "letterhead-feedback has another Policy",
    ),
    ("sns", partial(changed_topic, attribute="SignatureVersion", value="1"), "has another SignatureVersion"),
    ("sns", unsubscribed, "subscription of SNS topic letterhead-feedback"),
    (
        "sesv2",
        without_destination,
        "event destination of SES configuration set letterhead: feedback does not exist",
    ),
]


@pytest.mark.parametrize(("service", "change", "note"), CHANGES)
async def test_the_resource_that_differs_is_named(
    internet: Internet, service: str, change: Callable[[Any], None], note: str
) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)

    await asyncio.to_thread(change, internet.aws(service))
    found = of(await asyncio.to_thread(check_aws, session, endpoint, WAY), "resources")

    assert found.status is PartStatus.WRONG
    assert note in found.note


async def test_each_resource_on_the_path_of_events_is_checked(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses

    before = await asyncio.to_thread(check_aws, session, endpoint, WAY)
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)
    after = await asyncio.to_thread(check_aws, session, endpoint, WAY)

    assert [each.part for each in after] == ["aws", "resources", "ses-events", "topic", "signatures", "queue"]
    assert {finding.status for finding in before[1:]} == {PartStatus.WRONG}
    assert all("letterhead aws setup" in finding.remedy for finding in before[1:])
    assert {finding.status for finding in after} == {PartStatus.WELL}


async def test_doctor_reports_that_signatures_could_not_be_enforced(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    made = await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)
    sns = session.client("sns", endpoint_url=endpoint)
    await asyncio.to_thread(
        sns.set_topic_attributes,
        TopicArn=made.topic_arn,
        AttributeName="SignatureVersion",
        AttributeValue="1",
    )

    enforcing = await asyncio.to_thread(check_aws, session, endpoint, replace(WAY, signatures="enforce"))
    not_yet = await asyncio.to_thread(check_aws, session, endpoint, WAY)

    assert of(enforcing, "signatures").status is PartStatus.WRONG
    assert "SignatureVersion 1, not 2" in of(enforcing, "signatures").note
    assert of(not_yet, "signatures").status is PartStatus.WELL


async def test_doctor_reports_a_queue_that_proves_no_event_of_the_rule(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    way = replace(WAY, rule="letterhead-feedback")
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)

    without = await asyncio.to_thread(check_aws, session, endpoint, way)
    made = await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint, event_rule=True)
    pinned = await asyncio.to_thread(check_aws, session, endpoint, way)
    other = await asyncio.to_thread(check_aws, session, endpoint, replace(way, rule="other"))

    for findings in (without, other):
        assert of(findings, "event-rule").status is PartStatus.WRONG
        assert "no statement allows events.amazonaws.com" in of(findings, "event-rule").note
        assert "aws setup --apply --event-rule" in of(findings, "event-rule").remedy
    assert {finding.status for finding in pinned} == {PartStatus.WELL}
    assert made.rule_arn in of(pinned, "event-rule").note


async def test_messages_in_the_dead_letter_queue_are_reported(internet: Internet) -> None:
    session, endpoint = boto3.Session("sandbox", "sandbox", region_name=REGION), internet.addresses.ses
    made = await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=endpoint)
    sqs = session.client("sqs", endpoint_url=endpoint)
    url = (await asyncio.to_thread(sqs.get_queue_url, QueueName=made.dead_letters))["QueueUrl"]
    await asyncio.to_thread(sqs.send_message, QueueUrl=url, MessageBody="rejected")

    queue = of(await asyncio.to_thread(check_aws, session, endpoint, WAY), "queue")

    assert (queue.status, "about 1 rejected messages" in queue.note) == (PartStatus.WRONG, True)
    assert "sns-messages-refused.md" in queue.remedy
