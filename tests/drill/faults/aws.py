"""Faults of SES, SNS and SQS. What setup creates is repaired by setup, as doctor says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from cli.environments import ACCOUNT, REGION
from tests.drill.drills import Fault
from tests.drill.stage import Stage
from tests.waiting import eventually

NAME = "letterhead-feedback"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}"
# A topic's policy that allows nobody but its owner.
CLOSED = (
    '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": "'
    + TOPIC
    + '"}]}'
)
FORGED = 3
HEARTBEATS_WITHOUT_EVENT = 2
BEATS = timedelta(seconds=60)
# Older than the threshold of the alert, 15 minutes.
AGED = timedelta(minutes=20)
# SQS dead-letters a message after ten receives, 30 s apart.
DEAD_LETTERED = timedelta(minutes=8)
WAITING_EMAILS = 3
WAITED = timedelta(minutes=10)

Injection = Callable[[Stage], AbstractAsyncContextManager[None]]


def account(**changed: object) -> Injection:
    """Return the injection that changes the state of the SES account."""

    @asynccontextmanager
    async def inject(stage: Stage) -> AsyncIterator[None]:
        found = await stage.world.sandbox.call("GET", "/ses/account")
        await stage.world.sandbox.call("PATCH", "/ses/account", dict(changed))
        try:
            yield
        finally:
            before = {name: found[name] for name in changed}
            await stage.world.sandbox.call("PATCH", "/ses/account", before)

    return inject


@asynccontextmanager
async def throttled(stage: Stage) -> AsyncIterator[None]:
    """Have SES throttle every email while a few wait, and have waited for ten minutes."""
    fault = {"operation": "SendEmail", "kind": "throttle"}
    await stage.world.sandbox.call("POST", "/ses/faults", fault)
    for _ in range(WAITING_EMAILS):
        await stage.send()
    await stage.execute(
        "UPDATE sender.emails SET created_at = created_at - $1::interval WHERE state = 'QUEUED'", WAITED
    )
    try:
        yield
    finally:
        await stage.world.sandbox.call("DELETE", "/ses/faults")


def event_path(change: Callable[[Any, Any], None]) -> Injection:
    """Return the injection that changes a resource between SES and webhooks by clients of SNS and SQS.

    Time passes: once heartbeats are sent without an event, the events of earlier ones become older.
    """

    @asynccontextmanager
    async def inject(stage: Stage) -> AsyncIterator[None]:
        await asyncio.to_thread(change, stage.aws("sns"), stage.aws("sqs"))
        try:
            await _heartbeats_without_event(stage)
            await stage.execute(
                "UPDATE webhooks.feedback SET received_at = received_at - $1::interval"
                " WHERE attempt_id IN (SELECT id FROM sender.heartbeats)",
                AGED,
            )
            yield
        finally:
            await stage.set_up_aws()

    return inject


async def _heartbeats_without_event(stage: Stage) -> None:
    """Wait until the newest heartbeats have no event, which proves that the path is broken."""

    async def broken() -> bool:
        rows = await stage.execute(
            "SELECT f.attempt_id FROM sender.heartbeats AS h"
            " LEFT JOIN webhooks.feedback AS f ON f.attempt_id = h.id AND f.kind = 'SEND'"
            " WHERE h.opened_at < now() - interval '5 seconds' ORDER BY h.opened_at DESC LIMIT $1",
            HEARTBEATS_WITHOUT_EVENT,
        )
        return all(row["attempt_id"] is None for row in rows)

    await eventually(broken, BEATS)


def unsubscribe(sns: Any, _sqs: Any) -> None:
    """End the subscription of the queue."""
    [found] = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


def close_topic(sns: Any, _sqs: Any) -> None:
    """Replace the topic's policy by one that denies publishing."""
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=CLOSED)


def remove_queue_policy(_sns: Any, sqs: Any) -> None:
    """Remove the queue's policy, so that SNS may not send to it."""
    sqs.set_queue_attributes(QueueUrl=queue_url(sqs), Attributes={"Policy": ""})


def queue_url(sqs: Any, name: str = NAME) -> str:
    """Return the URL of a queue."""
    url: str = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return url


@asynccontextmanager
async def queue_gone(stage: Stage) -> AsyncIterator[None]:
    """Delete the queue."""
    sqs = stage.aws("sqs")
    await asyncio.to_thread(lambda: sqs.delete_queue(QueueUrl=queue_url(sqs)))
    try:
        yield
    finally:
        await stage.set_up_aws()


@asynccontextmanager
async def redrive_gone(stage: Stage) -> AsyncIterator[None]:
    """Remove the queue's redrive policy, so that rejected messages never leave it."""
    sqs = stage.aws("sqs")
    without = {"RedrivePolicy": ""}
    await asyncio.to_thread(lambda: sqs.set_queue_attributes(QueueUrl=queue_url(sqs), Attributes=without))
    try:
        yield
    finally:
        await stage.set_up_aws()


@asynccontextmanager
async def dead_letters(stage: Stage) -> AsyncIterator[None]:
    """Send messages that are not signed by SNS; webhooks rejects each until SQS dead-letters it.

    The queue's own policy keeps out everyone but SNS, so it is removed meanwhile.
    """
    sqs = stage.aws("sqs")

    def forge() -> None:
        remove_queue_policy(None, sqs)
        for _ in range(FORGED):
            sqs.send_message(QueueUrl=queue_url(sqs), MessageBody=f'{{"forged": "{uuid4()}"}}')

    def purge() -> None:
        sqs.purge_queue(QueueUrl=queue_url(sqs, f"{NAME}-dead"))

    await asyncio.to_thread(forge)
    await stage.set_up_aws()
    try:
        yield
    finally:
        await asyncio.to_thread(purge)


@asynccontextmanager
async def identity_deleted(stage: Stage) -> AsyncIterator[None]:
    """Delete the identity of a READY domain at SES in the AWS console; publish its new records.

    SES throttles the repair, which would otherwise take less time than doctor.
    """
    fault = {"operation": "CreateEmailIdentity", "kind": "throttle"}
    await stage.world.sandbox.call("POST", "/ses/faults", fault)
    ses = stage.aws("sesv2")
    await asyncio.to_thread(lambda: ses.delete_email_identity(EmailIdentity=stage.domain.name))
    await stage.send()
    await stage.verify_domain()
    try:
        yield
    finally:
        await stage.world.sandbox.call("DELETE", "/ses/faults")
        await stage.publish_records()


AWS_FAULTS = (
    Fault(
        name="SES is paused",
        inject=account(enforcement_status="SHUTDOWN"),
        doctor=r"\bses .*is PAUSED",
        alert="SesAccountDoesNotSend",
    ),
    Fault(
        name="SES is sandboxed",
        inject=account(production_access=False),
        doctor=r"\bses .*is SANDBOXED",
        alert="SesAccountSandboxed",
    ),
    Fault(
        name="SES throttles",
        inject=throttled,
        doctor=r"aws-access .*sender.*TooManyRequestsException",
        alert="EmailsNotSubmitted",
    ),
    Fault(
        name="topic unsubscribed",
        inject=event_path(unsubscribe),
        doctor=r"resources .*subscription of SNS topic letterhead-feedback",
        alert="EventPathBroken",
    ),
    Fault(
        name="topic policy",
        inject=event_path(close_topic),
        doctor=r"resources .*SNS topic letterhead-feedback has another Policy",
        alert="EventPathBroken",
    ),
    Fault(
        name="queue policy",
        inject=event_path(remove_queue_policy),
        doctor=r"resources .*SQS queue letterhead-feedback has another Policy",
        alert="EventPathBroken",
    ),
    Fault(
        name="queue gone",
        inject=queue_gone,
        doctor=r"resources .*SQS queue letterhead-feedback does not exist",
        alert="SesEventsMissing",
    ),
    Fault(
        name="dead letters",
        inject=dead_letters,
        doctor=r"queue .*rejected messages are in the dead-letter queue",
        alert="SnsMessagesRefused",
        within=DEAD_LETTERED,
    ),
    Fault(
        name="redrive policy gone",
        inject=redrive_gone,
        doctor=r"resources .*SQS queue letterhead-feedback has another RedrivePolicy",
        alert="FeedbackQueueWithoutRedrive",
    ),
    Fault(
        name="identity deleted at SES",
        inject=identity_deleted,
        doctor=r"identities .*SES has no identity of",
        alert="EmailsHeld",
    ),
)
