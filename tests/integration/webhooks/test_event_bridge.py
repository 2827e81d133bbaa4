"""SES's events in EventBridge's form: accepted only of the configured rule, and only from a pinned queue."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeAlias

import grpc
import pytest
from prometheus_client import REGISTRY

from services.webhooks.config import Policy
from tests.integration.webhooks.conftest import FeedbackPath, Webhooks
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.unit.webhooks.ses_events import SentEmail, in_event_bridge
from tests.waiting import eventually

SLOW = timedelta(seconds=40)
Start: TypeAlias = Callable[..., AbstractAsyncContextManager[grpc.aio.Channel]]


@pytest.fixture
async def path(feedback_path: FeedbackPath) -> FeedbackPath:
    """Return a path whose queue dead-letters a message that is rejected once."""
    await feedback_path.dead_letter_after(1)
    return feedback_path


@pytest.fixture
def start(webhooks: Webhooks, path: FeedbackPath) -> Start:
    """Return a function that runs webhooks with a rule, by default the one of the queue's name."""

    def start(
        rule: str = path.queue, signatures: Policy = "off"
    ) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        feedback = webhooks.settings.feedback
        return webhooks.start(feedback=replace(feedback, feedback_rule=rule, feedback_signatures=signatures))

    return start


async def stored(database: FreshDatabase) -> list[dict[str, Any]]:
    rows = await database.fetch("SELECT topic_arn, problem FROM webhooks.notifications")
    return [dict(row) for row in rows]


def rejected(reason: str) -> float:
    """Return how many queue messages were rejected in this process for a reason so far."""
    labels = {"source": "queue", "reason": reason, "stored": "no"}
    return REGISTRY.get_sample_value("letterhead_sns_rejections_total", labels) or 0


async def dead_lettered(path: FeedbackPath, number: int) -> None:
    async def all_dead() -> bool:
        return await path.dead_letters() == number and await path.is_empty()

    await eventually(all_dead, within=SLOW)


@pytest.mark.parametrize("signatures", ["off", "enforce"])
async def test_an_event_in_both_forms_is_published_once(
    path: FeedbackPath, start: Start, database: FreshDatabase, stream: FreshStream, signatures: Policy
) -> None:
    email = SentEmail()
    await path.submit(email.bounce())
    first = json.dumps(in_event_bridge(email.bounce()))
    await path.put(first, first, json.dumps(in_event_bridge(email.bounce())))
    if signatures == "off":  # else this test would need SNS's certificates
        await path.publish_alone(email.bounce())
    await path.pin(path.rule_arn)
    arrivals = 3 if signatures == "off" else 2

    async def processed() -> bool:
        query = "SELECT FROM webhooks.notifications WHERE processed_at IS NOT NULL"
        return len(await database.fetch(query)) == arrivals and await path.is_empty()

    async with start(signatures=signatures):
        await eventually(processed, within=SLOW)
        await eventually(lambda: stream.published("bounce.received"))

    [published] = await stream.published("bounce.received")
    assert published["data"]["email"]["id"] == str(email.email_id)
    assert published["data"]["hard"]
    assert len(await database.fetch("SELECT FROM webhooks.feedback")) == 1
    assert await path.dead_letters() == 0
    assert path.rule_arn in [each["topic_arn"] for each in await stored(database)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"account": "666666666666"}, "foreign_account"),
        ({"region": "eu-west-1"}, "foreign_region"),
        ({"source": "com.example"}, "foreign_source"),
        ({"id": ""}, "malformed"),
    ],
)
async def test_an_event_of_another_account_region_or_source_becomes_a_dead_letter(
    path: FeedbackPath, start: Start, database: FreshDatabase, changes: dict[str, str], reason: str
) -> None:
    before = rejected(reason)
    await path.put(json.dumps(in_event_bridge(SentEmail().bounce()) | changes))
    await path.pin(path.rule_arn)

    async with start():
        await dead_lettered(path, 1)

    assert await stored(database) == []
    assert rejected(reason) == before + 1


async def test_without_a_rule_an_event_becomes_a_dead_letter(
    path: FeedbackPath, start: Start, database: FreshDatabase
) -> None:
    before = rejected("no_rule")
    await path.put(json.dumps(in_event_bridge(SentEmail().bounce())))
    await path.pin(path.rule_arn)

    async with start(rule=""):
        await dead_lettered(path, 1)

    assert await stored(database) == []
    assert rejected("no_rule") == before + 1


async def test_an_event_is_not_accepted_while_the_queues_policy_cannot_be_read(
    path: FeedbackPath, start: Start, database: FreshDatabase, internet: Internet
) -> None:
    before = rejected("queue_policy_unavailable")
    await path.put(json.dumps(in_event_bridge(SentEmail().bounce())))
    await path.pin(path.rule_arn)
    fault = {"operation": "GetQueueAttributes", "kind": "error_503"}
    await internet.control.call("POST", "/ses/faults", fault)

    async def counted() -> bool:
        return rejected("queue_policy_unavailable") == before + 1

    async with start():
        await eventually(counted, within=SLOW)
    await internet.control.call("DELETE", "/ses/faults")

    await dead_lettered(path, 1)
    assert await stored(database) == []


@pytest.mark.parametrize("pinned", ["", "other"], ids=["to nothing", "to another rule"])
async def test_an_event_from_a_queue_that_is_not_pinned_to_the_rule_becomes_a_dead_letter(
    path: FeedbackPath, start: Start, database: FreshDatabase, pinned: str
) -> None:
    before = rejected("queue_policy")
    await path.put(json.dumps(in_event_bridge(SentEmail().bounce())))
    if pinned:
        await path.pin(f"{path.rule_arn}-{pinned}")

    async with start():
        await dead_lettered(path, 1)

    assert await stored(database) == []
    assert rejected("queue_policy") == before + 1
