"""Lost responses, and the calls that the ledger records nevertheless."""

import asyncio
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.integration.sandbox_aws.world import TOPIC, World

SENDER = "agent@inbox.mnexa.ai"
TO = "somebody@customer.com"
TAGS = [{"Name": "lh-attempt", "Value": "a1"}]


async def fault(world: World, kind: str, **more: Any) -> None:
    await world.control("POST", "/ses/faults", {"operation": "SendEmail", "kind": kind, "count": 1, **more})


async def post(world: World) -> dict[str, Any]:
    """Return the only post in the ledger."""
    (found,) = (await world.control("GET", "/ses/ledger"))["posts"]
    return dict(found)


LOST: dict[str, type[Exception]] = {
    "accept_then_500": ClientError,
    "accept_then_reset": ConnectionClosedError,
    "accept_then_silent": ReadTimeoutError,
}


@pytest.mark.parametrize("kind", LOST)
async def test_an_email_is_sent_although_its_response_is_lost(world: World, kind: str) -> None:
    await world.verified("inbox.mnexa.ai")
    await fault(world, kind)

    with pytest.raises(LOST[kind]):
        await world.send(SENDER, TO, EmailTags=TAGS)

    known = await post(world)
    assert (known["attempt"], known["outcome"], known["fault"]) == ("a1", "accepted", kind)
    assert known["message_id"].encode() in (await world.arrived(TO)).raw
    assert await world.send(SENDER, TO, EmailTags=TAGS)


async def test_boto3_accepts_half_a_response_without_a_message_id(world: World) -> None:
    """A caller of SendEmail cannot rely on status 200 alone."""
    await world.verified("inbox.mnexa.ai")
    await fault(world, "half_answer")

    with pytest.raises(KeyError, match="MessageId"):
        await world.send(SENDER, TO, EmailTags=TAGS)

    assert (await post(world))["message_id"].encode() in (await world.arrived(TO)).raw


NOT_SENT = {
    "error_500": (ClientError, "InternalFailure"),
    "error_503": (ClientError, "ServiceUnavailable"),
    "throttle": (ClientError, "TooManyRequestsException"),
    "reset_before": (ConnectionClosedError, "received"),
}


@pytest.mark.parametrize("kind", NOT_SENT)
async def test_a_post_that_failed_early_is_recorded_and_not_sent(world: World, kind: str) -> None:
    await world.verified("inbox.mnexa.ai")
    await fault(world, kind)
    error, outcome = NOT_SENT[kind]

    with pytest.raises(error):
        await world.send(SENDER, TO, EmailTags=TAGS)

    known = await post(world)
    assert (known["attempt"], known["outcome"], known["message_id"]) == ("a1", outcome, None)
    assert (await world.control("GET", "/ses/ledger"))["accepted"] == []
    assert (await world.control("GET", "/ses/ledger"))["throttled"] == {}


async def test_a_latency_fault_only_delays_a_call(world: World) -> None:
    await world.verified("inbox.mnexa.ai")
    await fault(world, "latency", latency_ms=200)

    started = asyncio.get_running_loop().time()
    assert await world.send(SENDER, TO)

    assert asyncio.get_running_loop().time() - started > 0.2


async def test_cleared_faults_no_longer_apply(world: World) -> None:
    await world.control("POST", "/ses/faults", {"operation": "GetAccount", "kind": "error_500"})
    for _ in range(2):
        with pytest.raises(ClientError):
            await world.ses("get_account")

    await world.control("DELETE", "/ses/faults")

    assert await world.ses("get_account")


async def test_the_ledger_lists_control_calls_with_their_status(world: World) -> None:
    await world.ses("create_email_identity", EmailIdentity="a.com")
    with pytest.raises(ClientError):
        await world.ses("create_email_identity", EmailIdentity="a.com")

    controls = (await world.control("GET", "/ses/ledger"))["controls"]
    await world.control("DELETE", "/ses/ledger")

    assert [(call["operation"], call["name"], call["status"]) for call in controls] == [
        ("CreateEmailIdentity", "a.com", 200),
        ("CreateEmailIdentity", "a.com", 400),
    ]
    assert (await world.control("GET", "/ses/ledger"))["controls"] == []


async def test_a_disconnected_clients_long_poll_takes_no_message(publishing_world: World) -> None:
    """A client that is killed during a long poll must not hide a message for its visibility timeout."""
    world, host = publishing_world, publishing_world.url.removeprefix("http://")
    body = json.dumps({"QueueUrl": world.queue_url, "WaitTimeSeconds": 20, "VisibilityTimeout": 600})
    _, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(
        f"POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nAuthorization: x\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    await writer.drain()
    await world.call("sqs", "get_queue_url", QueueName=TOPIC)

    writer.close()
    await writer.wait_closed()
    await world.call("sqs", "get_queue_url", QueueName=TOPIC)
    await world.call("sns", "publish", TopicArn=world.topic_arn, Message="{}")

    assert len(await world.notifications(1)) == 1
