"""`letterhead aws setup`: who may publish and send, and where the topic delivers."""

import asyncio
import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chassis.queue_policy import fault_of
from cli.aws.setup import set_up
from cli.aws.target import Target
from tests.internet import Internet

ACCOUNT, REGION = "123456789012", "us-east-1"
SESSION = boto3.Session("sandbox", "sandbox", region_name=REGION)
URL = "https://letterhead.example.com/sns"


@pytest.fixture
async def made(internet: Internet) -> Target:
    return await asyncio.to_thread(set_up, SESSION, account=ACCOUNT, endpoint_url=internet.addresses.ses)


async def call(internet: Internet, service: str, operation: str, **params: Any) -> dict[str, Any]:
    client = SESSION.client(service, endpoint_url=internet.addresses.ses)
    answer: dict[str, Any] = await asyncio.to_thread(getattr(client, operation), **params)
    return answer


async def queue_url(internet: Internet) -> str:
    url: str = (await call(internet, "sqs", "get_queue_url", QueueName="letterhead-feedback"))["QueueUrl"]
    return url


async def test_only_ses_can_publish_not_even_the_account(internet: Internet, made: Target) -> None:
    with pytest.raises(ClientError, match="AuthorizationError"):
        await call(internet, "sns", "publish", TopicArn=made.topic_arn, Message="forged")


async def test_only_the_topic_can_send_not_even_the_account(internet: Internet, made: Target) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        await call(internet, "sqs", "send_message", QueueUrl=await queue_url(internet), MessageBody="forged")


async def test_ses_can_publish_and_the_topic_can_send(internet: Internet, made: Target) -> None:
    """SES sends a test message to a new event destination, which must arrive through topic and queue."""
    answer = await call(
        internet, "sqs", "receive_message", QueueUrl=await queue_url(internet), WaitTimeSeconds=5
    )

    (message,) = answer["Messages"]
    assert "Successfully validated" in json.loads(message["Body"])["Message"]
    assert json.loads(message["Body"])["SignatureVersion"] == "2"


async def test_all_others_are_denied_explicitly(internet: Internet, made: Target) -> None:
    topic = await call(internet, "sns", "get_topic_attributes", TopicArn=made.topic_arn)
    queue = await call(
        internet, "sqs", "get_queue_attributes", QueueUrl=await queue_url(internet), AttributeNames=["Policy"]
    )

    policies = [json.loads(each["Attributes"]["Policy"])["Statement"] for each in (topic, queue)]
    denied = [{each["Sid"] for each in policy if each["Effect"] == "Deny"} for policy in policies]
    assert denied == [
        {"NotOurConfigurationSet", "NotOurAccount", "NotOverTls"},
        {"NotOurSource", "NotOverTls"},
    ]


async def test_a_rule_sends_to_a_queue_that_is_pinned_to_it_and_to_the_topic(internet: Internet) -> None:
    url = internet.addresses.ses
    made = await asyncio.to_thread(set_up, SESSION, account=ACCOUNT, endpoint_url=url, event_rule=True)

    rule = await call(internet, "events", "describe_rule", Name="letterhead-feedback")
    targets = await call(internet, "events", "list_targets_by_rule", Rule="letterhead-feedback")
    queue = await call(
        internet, "sqs", "get_queue_attributes", QueueUrl=await queue_url(internet), AttributeNames=["All"]
    )
    queue_arn, policy = queue["Attributes"]["QueueArn"], queue["Attributes"]["Policy"]
    assert made.rule_arn == rule["Arn"] == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/letterhead-feedback"
    assert json.loads(rule["EventPattern"]) == {
        "source": ["aws.ses"],
        "resources": [f"arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/letterhead"],
    }
    assert [each["Arn"] for each in targets["Targets"]] == [queue_arn]
    assert not fault_of(policy, queue_arn, rule_arn=made.rule_arn, others=(made.topic_arn,))


async def test_an_https_url_subscribes_the_endpoint_instead_of_the_queue(internet: Internet) -> None:
    made = await asyncio.to_thread(
        set_up, SESSION, account=ACCOUNT, endpoint_url=internet.addresses.ses, https_url=URL
    )

    rows = await call(internet, "sns", "list_subscriptions_by_topic", TopicArn=made.topic_arn)
    assert [(row["Protocol"], row["Endpoint"]) for row in rows["Subscriptions"]] == [("https", URL)]
