"""SQS's queues: visibility, long polling, dead letters."""

import asyncio
import json
import time

import pytest

from sandbox.aws.queues import Queue, QueuedMessage
from sandbox.aws.refusals import Refusal


@pytest.fixture
def queue() -> Queue:
    return Queue("feedback", "arn:aws:sqs:us-east-1:123456789012:feedback", {})


async def bodies(queue: Queue, visibility: float = 30, wait: float = 0) -> list[str]:
    return [message.body for message in await queue.receive(10, visibility, wait)]


async def test_a_message_in_flight_is_hidden_and_comes_back_when_its_time_is_over(queue: Queue) -> None:
    queue.put(QueuedMessage("one"))

    assert await bodies(queue, visibility=0.05) == ["one"]
    assert await bodies(queue) == []
    assert await bodies(queue, wait=5) == ["one"]


async def test_a_long_poll_ends_with_the_first_message(queue: Queue) -> None:
    polling = asyncio.create_task(bodies(queue, wait=20))
    await asyncio.sleep(0)
    began = time.monotonic()

    queue.put(QueuedMessage("one"))

    assert await polling == ["one"]
    assert time.monotonic() - began < 5


async def test_one_of_two_long_polls_gets_the_message(queue: Queue) -> None:
    polls = [asyncio.create_task(bodies(queue, wait=0.2)) for _ in range(2)]
    await asyncio.sleep(0)

    queue.put(QueuedMessage("one"))

    assert sorted(await asyncio.gather(*polls)) == [[], ["one"]]


async def test_a_deleted_message_never_comes_back(queue: Queue) -> None:
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


async def test_visibility_can_be_given_back(queue: Queue) -> None:
    queue.put(QueuedMessage("one"))
    (message,) = await queue.receive(1, 30, 0)

    queue.change_visibility(message.receipt, 0)

    assert await bodies(queue) == ["one"]


async def test_a_receipt_of_nothing_is_refused(queue: Queue) -> None:
    with pytest.raises(Refusal, match="ReceiptHandleIsInvalid"):
        queue.delete("nonsense")
    with pytest.raises(Refusal, match="MessageNotInflight"):
        queue.change_visibility("AQEBgone", 5)


async def test_a_delayed_message_is_counted_and_comes_late(queue: Queue) -> None:
    queue.put(QueuedMessage("one"), delay=0.05)

    assert queue.counts()["ApproximateNumberOfMessagesDelayed"] == "1"
    assert await bodies(queue) == []
    assert await bodies(queue, wait=5) == ["one"]


async def test_what_is_received_too_often_becomes_a_dead_letter(queue: Queue) -> None:
    dead = Queue("dead", "arn:aws:sqs:us-east-1:123456789012:dead", {})
    queue.attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "2"})
    queue.dead_letter_queue = dead
    queue.put(QueuedMessage("one"))

    assert [await bodies(queue, visibility=0) for _ in range(3)] == [["one"], ["one"], []]

    (letter,) = await dead.receive(1, 30, 0)
    assert (letter.body, letter.dead_letter_source) == ("one", queue.arn)
