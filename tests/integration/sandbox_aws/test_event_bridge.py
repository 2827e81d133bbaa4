"""SES's events on EventBridge's bus: the documented envelope, rules, and the policies of their queues."""

import json
import re
from typing import Any

import pytest

from tests.integration.sandbox_aws.world import CONFIGURATION_SET, World
from tests.waiting import eventually

NAME = "inbox.mnexa.ai"
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
RULE = {"source": ["aws.ses"], "detail-type": ["Email Bounced", "Email Delivered"]}
RULE_ARN = "arn:aws:events:us-east-1:123456789012:rule/bounces"
BUS = "arn:aws:events:us-east-1:123456789012:event-bus/default"
DESTINATION = {
    "ConfigurationSetName": CONFIGURATION_SET,
    "EventDestinationName": "bus",
    "EventDestination": {
        "Enabled": True,
        "MatchingEventTypes": ["SEND", "BOUNCE", "DELIVERY"],
        "EventBridgeDestination": {"EventBusArn": BUS},
    },
}


def allowing(rule_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


async def a_queue(world: World, name: str, rule_arn: str) -> tuple[str, str]:
    """Create a queue to which a rule may send; return its URL and its ARN."""
    url = (
        await world.call("sqs", "create_queue", QueueName=name, Attributes={"Policy": allowing(rule_arn)})
    )["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:123456789012:{name}"


async def received(world: World, url: str) -> list[dict[str, Any]]:
    answer = await world.call("sqs", "receive_message", QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(each["Body"]) for each in answer.get("Messages", [])]


@pytest.fixture
async def bus_world(publishing_world: World) -> World:
    """Return a world whose SES publishes to the bus too, with a rule that selects bounces and deliveries."""
    await publishing_world.ses("create_configuration_set_event_destination", **DESTINATION)
    await publishing_world.call("events", "put_rule", Name="bounces", EventPattern=json.dumps(RULE))
    await publishing_world.verified(NAME)
    return publishing_world


async def test_an_event_arrives_in_the_documented_envelope(bus_world: World) -> None:
    url, arn = await a_queue(bus_world, "bridged", RULE_ARN)
    await bus_world.call("events", "put_targets", Rule="bounces", Targets=[{"Id": "queue", "Arn": arn}])

    message_id = await bus_world.send(
        f"agent@{NAME}", "bounce@customer.com", ConfigurationSetName=CONFIGURATION_SET
    )

    [event] = await eventually(lambda: received(bus_world, url))
    detail = event.pop("detail")
    assert ID.fullmatch(event.pop("id"))
    assert TIME.fullmatch(event.pop("time"))
    assert event == {
        "version": "0",
        "detail-type": "Email Bounced",
        "source": "aws.ses",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [f"arn:aws:ses:us-east-1:123456789012:configuration-set/{CONFIGURATION_SET}"],
    }
    assert (detail["eventType"], detail["mail"]["messageId"]) == ("Bounce", message_id)
    assert detail["bounce"]["bouncedRecipients"][0]["emailAddress"] == "bounce@customer.com"
    from_sns = {each["eventType"]: each for each in await bus_world.events(2)}
    assert from_sns["Bounce"] == detail


async def test_a_queue_whose_policy_names_another_rule_receives_nothing(bus_world: World) -> None:
    url, arn = await a_queue(bus_world, "bridged", RULE_ARN)
    other_url, other_arn = await a_queue(bus_world, "other", f"{RULE_ARN}-of-others")
    targets = [{"Id": "queue", "Arn": arn}, {"Id": "other", "Arn": other_arn}]
    await bus_world.call("events", "put_targets", Rule="bounces", Targets=targets)

    await bus_world.send(f"agent@{NAME}", "bounce@customer.com", ConfigurationSetName=CONFIGURATION_SET)

    assert await eventually(lambda: received(bus_world, url))
    assert await received(bus_world, other_url) == []


@pytest.mark.parametrize("state", ["DISABLED", "ENABLED"])
async def test_a_rule_selects_by_its_pattern_and_only_while_it_is_enabled(
    bus_world: World, state: str
) -> None:
    url, arn = await a_queue(bus_world, "bridged", RULE_ARN)
    other_url, other_arn = await a_queue(bus_world, "sends", RULE_ARN.replace("bounces", "sends"))
    sends = json.dumps({"detail": {"eventType": ["Send"]}})
    await bus_world.call("events", "put_rule", Name="bounces", EventPattern=json.dumps(RULE), State=state)
    await bus_world.call("events", "put_targets", Rule="bounces", Targets=[{"Id": "queue", "Arn": arn}])
    await bus_world.call("events", "put_rule", Name="sends", EventPattern=sends)
    await bus_world.call("events", "put_targets", Rule="sends", Targets=[{"Id": "queue", "Arn": other_arn}])

    await bus_world.send(f"agent@{NAME}", "bounce@customer.com", ConfigurationSetName=CONFIGURATION_SET)
    await bus_world.events(2)  # both have been published by then

    types = [[each["detail-type"] for each in await received(bus_world, each)] for each in (url, other_url)]
    assert types == [["Email Bounced"] if state == "ENABLED" else [], ["Email Sent"]]
