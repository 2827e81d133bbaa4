"""Feedback liveness: the absence of an event counts only while other events provably arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import boto3
import pytest

from cli.aws.setup import set_up
from letterhead.sender.v1.emails_pb2 import ON_UNKNOWN_RESEND, Email
from services.sender.config import Windows
from services.webhooks.__main__ import running
from services.webhooks.config import Config, Feedback
from tests.factories import ACCOUNT, REGION, Domain
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import SHORT, Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

HEARTBEATS = replace(SHORT, heartbeat_interval=timedelta(seconds=0.3))
SLOW = timedelta(seconds=30)
# Another attempt of the email, whose process died.
ABANDONED = """
INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, number, worker, leased_until)
SELECT gen_random_uuid(), email_id, tenant_id, claim_id, 2, 'dead', now() FROM sender.attempts
RETURNING id
"""


@asynccontextmanager
async def webhooks(sender: Sender) -> AsyncIterator[None]:
    """Run the webhooks service, which receives SES's events."""
    settings = Config(
        server=sender.settings.server,
        database=sender.database.settings("webhooks"),
        nats=sender.stream.settings("webhooks"),
        aws=sender.settings.aws,
        feedback=Feedback(feedback_wait=timedelta(seconds=1)),
    )
    async with running(settings):
        yield


@pytest.fixture
async def lossy(sender: Sender) -> Sender:
    """Return a sender for whose next email the Send and Delivery events are lost."""
    session = boto3.Session("sandbox", "sandbox", region_name=REGION)
    url = sender.internet.addresses.ses
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=url)
    for event_type in ("Send", "Delivery"):
        await drop(sender, event_type)
    return sender


async def drop(sender: Sender, event_type: str) -> None:
    body = {"kind": "drop", "event_type": event_type, "count": 1}
    await sender.internet.control.call("POST", "/events/faults", body)


async def unknown(caller: Caller, sender: Sender, domain: Domain, **fields: Any) -> Email:
    await sender.fault("accept_then_500", count=1)
    return await becomes(caller, await caller.send(f"agent@{domain.name}", **fields), State.STATE_UNKNOWN)


async def test_an_email_without_answer_and_event_is_held_and_not_posted_again(
    lossy: Sender, tenant_id: UUID, figure: Figure
) -> None:
    await lossy.a_shared_sender()
    domain = await lossy.a_ready_domain(tenant_id)

    async with webhooks(lossy), lossy.start(windows=HEARTBEATS) as channel:
        caller = await lossy.a_caller(channel, tenant_id)
        email = await unknown(caller, lossy, domain)
        held = await becomes(caller, email, State.STATE_HELD, within=SLOW)

    posts = await lossy.posts()
    assert "may have been sent" in held.state_message
    assert await lossy.events("email.held")
    assert len(posts) == 1
    figure(f"answer and Send event lost, HOLD: {len(posts) - 1} second POSTs, HELD, proven by heartbeats")


async def test_an_email_with_resend_is_sent_once_more_and_only_once(
    lossy: Sender, tenant_id: UUID, database: FreshDatabase, figure: Figure
) -> None:
    """All answers and events are lost, also those of the second attempt."""
    domain = await lossy.a_ready_domain(tenant_id)
    await lossy.fault("accept_then_500", count=2)

    async with lossy.start(windows=SHORT) as channel:
        caller = await lossy.a_caller(channel, tenant_id)
        accepted = await caller.send(f"agent@{domain.name}", on_unknown=ON_UNKNOWN_RESEND)
        email = await becomes(caller, accepted, State.STATE_UNKNOWN)
        await lossy.listen()
        await eventually(lambda: attempts(database, ["ABANDONED", "UNKNOWN"]))
        await lossy.listen()
        held = await becomes(caller, email, State.STATE_HELD)

    assert "may have been sent" in held.state_message
    posts = await lossy.posts()
    assert len(posts) == 2
    await lossy.one_post_an_attempt()
    figure(f"answers and events of every attempt lost, RESEND: {len(posts) - 1} second POST, then HELD")


async def attempts(database: FreshDatabase, states: list[str]) -> bool:
    rows = await database.fetch("SELECT state FROM sender.attempts ORDER BY number")
    return [row["state"] for row in rows] == states


async def test_nothing_is_decided_while_the_intake_is_down(
    lossy: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """The windows have long ended, but the email is neither held nor resent until events arrive again."""
    await lossy.a_shared_sender()
    domain = await lossy.a_ready_domain(tenant_id)

    async with lossy.start(windows=HEARTBEATS) as channel:
        caller = await lossy.a_caller(channel, tenant_id)
        email = await unknown(caller, lossy, domain, on_unknown=ON_UNKNOWN_RESEND)
        await eventually(lambda: so_many_heartbeats(lossy, 5), within=SLOW)
        assert (await caller.get(email.id)).state == State.STATE_UNKNOWN
        assert len(await lossy.posts()) == 1
        async with webhooks(lossy):
            await becomes(caller, email, State.STATE_SENT, within=SLOW)

    assert await attempts(database, ["ABANDONED", "ACCEPTED"])
    assert len(await lossy.posts()) == 2


async def so_many_heartbeats(sender: Sender, count: int) -> bool:
    posts = (await sender.internet.control.ledger())["posts"]
    return len([post for post in posts if "lh-email" not in post["email_tags"]]) >= count


async def test_a_backlog_stops_the_clock(sender: Sender, tenant_id: UUID, database: FreshDatabase) -> None:
    """Events of later attempts have arrived; this email's may be among those not processed yet."""
    domain = await sender.a_ready_domain(tenant_id)
    await database.execute(
        "INSERT INTO webhooks.notifications (id, sns_id, topic_arn, body, received_at)"
        " VALUES (gen_random_uuid(), 'stuck', $1, '', now() - interval '1 minute')",
        f"arn:aws:sns:{REGION}:{ACCOUNT}:letterhead-feedback",
    )
    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        email = await unknown(caller, sender, domain)
        await sender.listen()
        await eventually(lambda: checked_often(database))
        assert (await caller.get(email.id)).state == State.STATE_UNKNOWN

        await database.execute("UPDATE webhooks.notifications SET processed_at = now()")
        await becomes(caller, email, State.STATE_HELD)


async def checked_often(database: FreshDatabase) -> bool:
    """Return whether the checks went on for longer than the window while the clock stood still."""
    rows = await database.fetch(
        "SELECT received_for = '0' AS stopped FROM sender.feedback_liveness AS l"
        " JOIN sender.attempts AS a ON true WHERE l.checked_at > a.resolved_at + interval '2 seconds'"
    )
    return [row["stopped"] for row in rows] == [True]


async def test_events_of_twenty_later_emails_prove_liveness_without_a_heartbeat(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        email = await unknown(caller, sender, domain)
        await sender.listen()
        await database.execute("DELETE FROM sender.heartbeats")
        sends = [caller.send(f"agent@{domain.name}") for _ in range(Windows().liveness_sends)]
        later = {each.id for each in await asyncio.gather(*sends)}
        await eventually(lambda: posted(sender, later))
        for post in await sender.posts():
            if post["email_tags"]["lh-email"] in later:
                await sender.receive(post)
        await becomes(caller, email, State.STATE_HELD)

    assert not await database.fetch("SELECT FROM sender.heartbeats")


async def posted(sender: Sender, email_ids: set[str]) -> bool:
    return email_ids <= {post["email_tags"]["lh-email"] for post in await sender.posts()}


async def test_a_late_event_of_the_first_attempt_cancels_the_second(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        email = await unknown(caller, sender, domain, on_unknown=ON_UNKNOWN_RESEND)
        await sender.set_account(state="PAUSED")
        await sender.window_ends(caller, email, State.STATE_QUEUED)
        [post] = await sender.posts()
        await sender.receive(post)
        await becomes(caller, email, State.STATE_SENT)
        await sender.set_account(state="READY")

    assert await attempts(database, ["ACCEPTED"])
    assert len(await sender.posts()) == 1


async def test_take_over_does_not_wait_for_a_heartbeat(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """SES is slow, so answers are lost and heartbeats are sent, each of which hangs as well."""
    await sender.a_shared_sender()
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start(windows=HEARTBEATS) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        await unknown(caller, sender, domain)
        await sender.fault("latency", latency_ms=9000)
        await database.execute("DELETE FROM sender.heartbeats")
        await eventually(lambda: database.fetch("SELECT FROM sender.heartbeats"))
        [row] = await database.fetch(ABANDONED)

        async def taken_over() -> bool:
            [attempt] = await database.fetch("SELECT state FROM sender.attempts WHERE id = $1", row["id"])
            return bool(attempt["state"] == "UNKNOWN")

        await eventually(taken_over, within=timedelta(seconds=4))
