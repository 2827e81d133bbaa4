"""SQS queues: visibility timeouts, long polling, dead-dead_lettered queues."""

import asyncio
import json
import time

import pytest

from sandbox.aws.errors import AwsError
from sandbox.aws.queues import Queue, QueuedMessage


@pytest.fixture
def queue() -> Queue:
    return Queue("feedback", "arn:aws:sqs:us-east-1:123456789012:feedback", {})


async def bodies(queue: Queue, visibility: float = 30, wait: float = 0) -> list[str]:
    return [message.body for message in await queue.receive(10, visibility, wait)]


async def test_an_in_flight_message_reappears_after_the_visibility_timeout(queue: Queue) -> None:
    queue.put(QueuedMessage("one"))

    assert await bodies(queue, visibility=0.05) == ["one"]
    assert await bodies(queue) == []
    assert await bodies(queue, wait=5) == ["one"]


async def test_a_long_poll_ends_with_the_first_message(queue: Queue) -> None:
    polling = asyncio.create_task(bodies(queue, wait=20))
    await asyncio.sleep(0)
    started = time.monotonic()

    queue.put(QueuedMessage("one"))

    assert await polling == ["one"]
    assert time.monotonic() - started < 5


async def test_one_of_two_long_polls_gets_the_message(queue: Queue) -> None:
    polls = [asyncio.create_task(bodies(queue, wait=0.2)) for _ in range(2)]
    await asyncio.sleep(0)

    queue.put(QueuedMessage("one"))

    assert sorted(await asyncio.gather(*polls)) == [[], ["one"]]


async def test_a_deleted_message_is_not_redelivered(queue: Queue) -> None:
    queue.put(QueuedMessage("one"))
    (message,) = await queue.receive(1, 0.01, 0)

    queue.delete(message.receipt)
    queue.delete(message.receipt)

    assert await bodies(queue, wait=0.05) == []
    assert set(queue.counts().values()) == {"0"}


async def test_an_old_receipt_deletes_nothing(queue: Queue) -> None:
    queue.put(QueuedMessage("one"))
    (message,) = await queue.receive(1, 0.01, 0)
    old = message.receipt
    assert await bodies(queue, visibility=0.01, wait=5) == ["one"]

    queue.delete(old)

    assert await bodies(queue, wait=5) == ["one"]


async def test_a_visibility_timeout_of_0_shows_a_message_at_once(queue: Queue) -> None:
    queue.put(QueuedMessage("one"))
    (message,) = await queue.receive(1, 30, 0)

    queue.change_visibility(message.receipt, 0)

    assert await bodies(queue) == ["one"]


async def test_an_unknown_receipt_is_rejected(queue: Queue) -> None:
    with pytest.raises(AwsError, match="ReceiptHandleIsInvalid"):
        queue.delete("nonsense")
    with pytest.raises(AwsError, match="MessageNotInflight"):
        queue.change_visibility("AQEBgone", 5)


async def test_a_delayed_message_is_counted_and_delivered_later(queue: Queue) -> None:
    queue.put(QueuedMessage("one"), delay=0.05)

    assert queue.counts()["ApproximateNumberOfMessagesDelayed"] == "1"
    assert await bodies(queue) == []
    assert await bodies(queue, wait=5) == ["one"]


async def test_a_message_above_max_receive_count_is_dead_lettered(queue: Queue) -> None:
    dead = Queue("dead", "arn:aws:sqs:us-east-1:123456789012:dead", {})
    queue.attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "2"})
    queue.dead_letter_queue = dead
    queue.put(QueuedMessage("one"))

    assert [await bodies(queue, visibility=0) for _ in range(3)] == [["one"], ["one"], []]

    (dead_lettered,) = await dead.receive(1, 30, 0)
    assert (dead_lettered.body, dead_lettered.dead_letter_source) == ("one", queue.arn)
