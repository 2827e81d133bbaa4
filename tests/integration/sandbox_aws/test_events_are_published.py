"""SES events of an email, published through SNS to a queue."""

import json
from typing import Any

import pytest

from tests.integration.sandbox_aws.world import CONFIGURATION_SET, MakeWorld, World
from tests.waiting import eventually

NAME = "inbox.mnexa.ai"
SENDER = f"agent@{NAME}"
TAGS = [{"Name": "lh-attempt", "Value": "0190f3c2"}]


async def sent(world: World, to: str, **more: Any) -> str:
    """Send from a verified domain through the configuration set; return the message id."""
    if world.aws.registry.find(NAME) is None:
        await world.verified(NAME)
    return await world.send(
        SENDER, to, **{"ConfigurationSetName": CONFIGURATION_SET, "EmailTags": TAGS} | more
    )


async def received(world: World, count: int) -> dict[str, dict[str, Any]]:
    """Receive that many events, all of different types; return them by type."""
    events = {event["eventType"]: event for event in await world.events(count)}
    assert len(events) == count
    return events


async def test_a_delivery_event_has_tags_and_the_smtp_response(publishing_world: World) -> None:
    message_id = await sent(publishing_world, "somebody@customer.com")

    events = await received(publishing_world, 2)

    mail, delivery = events["Delivery"]["mail"], events["Delivery"]["delivery"]
    email = await publishing_world.arrived("somebody@customer.com")
    assert events["Send"]["send"] == {}
    assert (mail["messageId"], mail["source"], mail["destination"]) == (
        message_id,
        SENDER,
        ["somebody@customer.com"],
    )
    assert mail["tags"]["lh-attempt"] == ["0190f3c2"]
    assert mail["tags"]["ses:configuration-set"] == [CONFIGURATION_SET]
    assert mail["commonHeaders"]["subject"] == "Hello"
    assert delivery["recipients"] == ["somebody@customer.com"]
    assert delivery["smtpResponse"] == f"250 2.0.0 OK {email.id}"


async def test_a_refused_recipient_bounces_and_is_then_suppressed(publishing_world: World) -> None:
    await sent(publishing_world, "bounce@customer.com")
    first = (await received(publishing_world, 2))["Bounce"]["bounce"]
    await sent(publishing_world, "bounce@customer.com")
    second = (await received(publishing_world, 2))["Bounce"]["bounce"]

    (recipient,) = first["bouncedRecipients"]
    assert (first["bounceType"], first["bounceSubType"]) == ("Permanent", "General")
    assert (recipient["emailAddress"], recipient["status"]) == ("bounce@customer.com", "5.1.1")
    assert recipient["diagnosticCode"].startswith("smtp; 550 5.1.1 ")
    assert (second["bounceType"], second["bounceSubType"]) == ("Permanent", "OnAccountSuppressionList")
    assert first["feedbackId"] != second["feedbackId"]


async def test_a_configuration_set_can_disable_suppression(publishing_world: World) -> None:
    await publishing_world.ses(
        "put_configuration_set_suppression_options",
        ConfigurationSetName=CONFIGURATION_SET,
        SuppressedReasons=[],
    )
    await publishing_world.ses("put_suppressed_destination", EmailAddress="a@customer.com", Reason="BOUNCE")

    await sent(publishing_world, "a@customer.com")

    assert set(await received(publishing_world, 2)) == {"Send", "Delivery"}


async def test_a_deferred_recipient_gets_a_delay_event_and_a_retry(make_world: MakeWorld) -> None:
    world = await make_world(delivery_retries=(0.05,))
    await world.subscribe_queue()
    await world.notifications(1)

    await sent(world, "slow@customer.com")

    events = await received(world, 3)
    delay = events["DeliveryDelay"]["deliveryDelay"]
    assert delay["delayType"] == "General"
    assert delay["delayedRecipients"][0]["diagnosticCode"].startswith("smtp; 451 4.7.1")
    assert events["Delivery"]["delivery"]["recipients"] == ["slow@customer.com"]


async def test_a_recipient_deferred_after_the_last_retry_bounces_as_transient(make_world: MakeWorld) -> None:
    world = await make_world(delivery_retries=())
    await world.subscribe_queue()
    await world.notifications(1)

    await sent(world, "full@customer.com")

    bounce = (await received(world, 2))["Bounce"]["bounce"]
    assert (bounce["bounceType"], bounce["bouncedRecipients"][0]["status"]) == ("Transient", "4.2.2")


async def test_each_recipient_of_an_email_has_its_own_outcome(publishing_world: World) -> None:
    recipients = ["somebody@customer.com", "bounce@customer.com"]

    await sent(publishing_world, recipients[0], Destination={"ToAddresses": recipients})

    events = await received(publishing_world, 3)
    assert events["Delivery"]["delivery"]["recipients"] == recipients[:1]
    assert events["Bounce"]["bounce"]["bouncedRecipients"][0]["emailAddress"] == recipients[1]
    assert events["Send"]["mail"]["destination"] == recipients


SIMULATED = {
    "success": [("Send", {}), ("Delivery", {"smtpResponse": "250 2.6.0 Message received"})],
    "bounce": [("Send", {}), ("Bounce", {"bounceType": "Permanent", "bounceSubType": "General"})],
    "ooto": [
        ("Send", {}),
        ("Delivery", {}),
        ("Bounce", {"bounceType": "Transient", "bounceSubType": "General"}),
    ],
    "complaint": [("Send", {}), ("Delivery", {}), ("Complaint", {"complaintFeedbackType": "abuse"})],
    "suppressionlist": [("Send", {}), ("Bounce", {"bounceType": "Permanent", "bounceSubType": "Suppressed"})],
}


@pytest.mark.parametrize(("name", "expected"), SIMULATED.items(), ids=SIMULATED)
async def test_the_simulator_behaves_as_documented(
    publishing_world: World, name: str, expected: list[tuple[str, dict[str, str]]]
) -> None:
    await sent(publishing_world, f"{name}+label@simulator.amazonses.com")

    events = await publishing_world.events(len(expected))

    assert [event["eventType"] for event in events] == [event_type for event_type, _ in expected]
    for event, (event_type, wanted) in zip(events, expected, strict=True):
        assert wanted.items() <= event[event_type.lower()].items()
    assert publishing_world.aws.suppressions.find(f"{name}+label@simulator.amazonses.com") is None


async def test_simulator_bounces_of_one_email_share_an_event(publishing_world: World) -> None:
    recipients = ["bounce+a@simulator.amazonses.com", "bounce+b@simulator.amazonses.com"]

    await sent(publishing_world, recipients[0], Destination={"ToAddresses": recipients})

    bounce = (await received(publishing_world, 2))["Bounce"]["bounce"]
    assert [one["emailAddress"] for one in bounce["bouncedRecipients"]] == recipients


# Split in two, so that virus scanners do not report this file.
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.mark.parametrize("attached", [True, False])
async def test_a_virus_is_rejected_after_acceptance(publishing_world: World, *, attached: bool) -> None:
    simple: dict[str, Any] = {
        "Subject": {"Data": "x"},
        "Body": {"Text": {"Data": "x" if attached else EICAR}},
    }
    if attached:
        simple["Attachments"] = [{"RawContent": EICAR.encode(), "FileName": "a.com"}]

    await sent(publishing_world, "somebody@customer.com", Content={"Simple": simple})

    assert (await received(publishing_world, 2))["Reject"]["reject"] == {"reason": "Bad content"}


async def test_events_of_known_and_unknown_types_can_be_injected(publishing_world: World) -> None:
    message_id = await sent(publishing_world, "success@simulator.amazonses.com")
    await publishing_world.events(2)

    for event in (
        {"event_type": "Click", "link": "https://mnexa.ai/a"},
        {"event_type": "Teleport", "to": "Mars"},
    ):
        await publishing_world.control("POST", "/events/inject", {"message_id": message_id, **event})

    click, teleport = await publishing_world.events(2)
    assert (click["click"]["link"], click["mail"]["tags"]["lh-attempt"]) == (
        "https://mnexa.ai/a",
        ["0190f3c2"],
    )
    assert teleport["teleport"] == {"to": "Mars"}


async def test_faults_drop_and_duplicate_events(publishing_world: World) -> None:
    await publishing_world.control(
        "POST", "/events/faults", {"kind": "drop", "event_type": "Send", "count": 1}
    )
    await publishing_world.control("POST", "/events/faults", {"kind": "duplicate", "event_type": "Delivery"})

    await sent(publishing_world, "success@simulator.amazonses.com")
    twice = [event["eventType"] for event in await publishing_world.events(2)]
    await publishing_world.control("DELETE", "/events/faults")
    await sent(publishing_world, "success@simulator.amazonses.com")

    assert twice == ["Delivery", "Delivery"]
    assert set(await received(publishing_world, 2)) == {"Send", "Delivery"}


async def test_a_delay_fault_reorders_events(publishing_world: World) -> None:
    late = {"kind": "delay", "event_type": "Send", "delay_ms": 200}
    await publishing_world.control("POST", "/events/faults", late)

    await sent(publishing_world, "success@simulator.amazonses.com")

    assert [event["eventType"] for event in await publishing_world.events(2)] == ["Delivery", "Send"]


async def test_shuffled_events_all_arrive(publishing_world: World) -> None:
    await publishing_world.control("POST", "/events/faults", {"kind": "shuffle", "delay_ms": 100})

    sent_ids = {await sent(publishing_world, "success@simulator.amazonses.com") for _ in range(5)}

    events = await publishing_world.events(10)
    assert {event["mail"]["messageId"] for event in events if event["eventType"] == "Send"} == sent_ids


async def test_raw_delivery_has_no_envelope_also_for_the_greeting(world: World) -> None:
    await world.subscribe_queue(RawMessageDelivery="true")

    await sent(world, "success@simulator.amazonses.com")

    greeting, *events = await world.bodies(3)
    assert greeting == "Successfully validated SNS topic for Amazon SES event publishing."
    assert {json.loads(event)["eventType"] for event in events} == {"Send", "Delivery"}


async def test_a_queue_whose_policy_does_not_allow_the_topic_gets_nothing(publishing_world: World) -> None:
    await publishing_world.call(
        "sqs", "set_queue_attributes", QueueUrl=publishing_world.queue_url, Attributes={"Policy": ""}
    )

    await sent(publishing_world, "somebody@customer.com")
    await publishing_world.arrived("somebody@customer.com")

    queue = publishing_world.aws.queues.find(publishing_world.topic_arn.replace(":sns:", ":sqs:"))
    assert queue
    assert await eventually(lambda: queue.counts()["ApproximateNumberOfMessages"] == "0")


async def test_a_topic_whose_policy_does_not_allow_ses_gets_nothing(publishing_world: World) -> None:
    topic = {"TopicArn": publishing_world.topic_arn}
    allowed = (await publishing_world.call("sns", "get_topic_attributes", **topic))["Attributes"]["Policy"]
    policy = {**topic, "AttributeName": "Policy"}
    closed = allowed.replace('"Allow"', '"Deny"')
    await publishing_world.call("sns", "set_topic_attributes", **policy, AttributeValue=closed)
    await sent(publishing_world, "unreported@customer.com")
    await publishing_world.arrived("unreported@customer.com")

    await publishing_world.call("sns", "set_topic_attributes", **policy, AttributeValue=allowed)
    await sent(publishing_world, "reported@customer.com")

    events = await received(publishing_world, 2)
    assert [event["mail"]["destination"] for event in events.values()] == [["reported@customer.com"]] * 2
