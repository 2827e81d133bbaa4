"""The event path is proven by heartbeats, whether or not customers send, and doctor and metrics say so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import boto3
import pytest
from prometheus_client import REGISTRY

from cli.aws.setup import set_up
from cli.doctor.database import check_database
from cli.doctor.findings import Finding, PartStatus
from services.webhooks.__main__ import running
from services.webhooks.config import Config, Feedback
from tests.factories import ACCOUNT, REGION
from tests.integration.sender.conftest import QUIET, Sender, State, becomes
from tests.waiting import eventually

OFTEN = replace(QUIET, event_path_interval=timedelta(seconds=1))
PROVEN = "letterhead_sender_event_path_proven_timestamp_seconds"
EMAILS = "letterhead_sender_event_path_emails"
REPORTED = """
    SELECT count(*) AS sent, count(*) FILTER (
        WHERE EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.attempt_id = h.id)
    ) AS reported
    FROM sender.heartbeats AS h
"""
LATE = timedelta(seconds=40)  # the metrics are set every 15 s


@pytest.fixture
async def path(sender: Sender) -> AsyncIterator[Sender]:
    """Return a sender whose SES publishes its events, and webhooks, which receives them."""
    session = boto3.Session("sandbox", "sandbox", region_name=REGION)
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=sender.internet.addresses.ses)
    settings = Config(
        server=sender.settings.server,
        database=sender.database.settings("webhooks"),
        nats=sender.stream.settings("webhooks"),
        aws=sender.settings.aws,
        feedback=Feedback(feedback_wait=timedelta(seconds=1)),
    )
    async with running(settings):
        yield sender


async def diagnosis(sender: Sender) -> Finding:
    """Return what doctor finds out about the event path."""
    findings = await check_database(sender.database.url("postgres"))
    [finding] = [each for each in findings if each.part == "event path"]
    return finding


def measured(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"region": REGION} | labels)


async def heartbeats(sender: Sender) -> tuple[int, int]:
    """Return how many heartbeats were sent, and how many of them SES has reported."""
    [row] = await sender.database.fetch(REPORTED)
    return row["sent"], row["reported"]


async def any_reported(sender: Sender) -> bool:
    return (await heartbeats(sender))[1] > 0


async def any_sent(sender: Sender) -> bool:
    return (await heartbeats(sender))[0] > 0


def refuse_everything(sender: Sender) -> None:
    """Remove the policy of the queue, which lets the topic send to it."""
    queues = sender.internet.aws("sqs")
    url = queues.get_queue_url(QueueName="letterhead-feedback")["QueueUrl"]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    queues.close()


async def test_heartbeats_prove_the_path_while_nobody_sends(path: Sender) -> None:
    await path.a_shared_sender()

    async with path.start(windows=OFTEN):
        await eventually(lambda: any_reported(path), LATE)
        found = await diagnosis(path)
        await eventually(lambda: measured(PROVEN), LATE)

    assert found.status is PartStatus.WELL, found


async def test_a_queue_that_refuses_the_events_is_noticed(path: Sender) -> None:
    await path.a_shared_sender()
    await asyncio.to_thread(refuse_everything, path)

    async with path.start(windows=OFTEN):
        await eventually(lambda: any_sent(path), LATE)
        first = await diagnosis(path)
        await path.database.execute("UPDATE sender.heartbeats SET opened_at = opened_at - interval '16 min'")
        later = await diagnosis(path)

    assert first.status is PartStatus.UNSEEN, first
    assert later.status is PartStatus.WRONG, later
    assert not await any_reported(path)


async def test_without_a_shared_domain_the_path_is_unproven(path: Sender) -> None:
    async with path.start(windows=OFTEN):
        found = await diagnosis(path)

    assert found.status is PartStatus.UNSEEN, found
    assert "unproven" in found.note


async def test_emails_that_ses_has_not_reported_are_counted(path: Sender, tenant_id: UUID) -> None:
    domain = await path.a_ready_domain(tenant_id)
    await path.internet.control.call(
        "POST", "/events/faults", {"kind": "drop", "event_type": "Send", "count": 1}
    )
    await path.internet.control.call(
        "POST", "/events/faults", {"kind": "drop", "event_type": "Delivery", "count": 1}
    )

    async with path.start(windows=replace(OFTEN, event_path_interval=timedelta(0))) as channel:
        caller = await path.a_caller(channel, tenant_id)
        for _ in range(2):
            await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
        await path.database.execute("UPDATE sender.attempts SET opened_at = opened_at - interval '3 min'")
        await eventually(lambda: measured(EMAILS, outcome="accepted") == 2, LATE)
        await eventually(lambda: measured(EMAILS, outcome="reported") == 1, LATE)
