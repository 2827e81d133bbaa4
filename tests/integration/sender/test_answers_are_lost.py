"""Whatever happens to SES's answer, an attempt is posted once, and its outcome is resolved by evidence."""

from datetime import timedelta
from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration

from letterhead.events.v1.email_reason_pb2 import EmailReason
from tests.factories import Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import SHORT, Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

CAPTURED = ("accept_then_500", "accept_then_reset", "half_answer")
REFUSED = ("error_500", "error_503", "reset_before")


async def attempts(database: FreshDatabase, email_id: str) -> list[str]:
    rows = await database.fetch(
        "SELECT state FROM sender.attempts WHERE email_id = $1 ORDER BY number", UUID(email_id)
    )
    return [row["state"] for row in rows]


@pytest.mark.parametrize("kind", CAPTURED)
async def test_an_accepted_email_is_resolved_by_its_event(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase, kind: str
) -> None:
    await sender.fault(kind, count=1)

    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_UNKNOWN)
    [post] = await sender.posts()
    await sender.receive(post)
    resolved = await becomes(caller, email, State.STATE_SENT)

    assert resolved.ses_id == post["message_id"]
    assert await attempts(database, email.id) == ["ACCEPTED"]
    assert len(await sender.posts()) == 1
    assert await sender.events("email.unknown")
    assert await sender.events("email.sent")


@pytest.mark.parametrize("kind", REFUSED)
async def test_an_email_without_an_event_is_held_and_not_posted_again(
    sender: Sender, tenant_id: UUID, database: FreshDatabase, kind: str
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault(kind, count=1)

    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        accepted = await caller.send(f"agent@{domain.name}")
        email = await sender.window_ends(caller, accepted, State.STATE_HELD)

        assert "may have been sent" in email.state_message
        assert await attempts(database, email.id) == ["UNKNOWN"]
        assert len(await sender.posts()) == 1
        assert await sender.events("email.held")


async def test_an_emails_own_window_overrides_the_setting(sender: Sender, tenant_id: UUID) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("accept_then_500", count=2)

    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        longer = await caller.send(f"agent@{domain.name}", unknown_window=Duration(seconds=60))
        await becomes(caller, longer, State.STATE_UNKNOWN)
        await sender.window_ends(caller, await caller.send(f"agent@{domain.name}"), State.STATE_HELD)

        assert (await caller.get(longer.id)).state == State.STATE_UNKNOWN


async def test_late_evidence_resolves_a_held_email(sender: Sender, tenant_id: UUID) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("accept_then_500", count=1)

    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        accepted = await caller.send(f"agent@{domain.name}")
        email = await sender.window_ends(caller, accepted, State.STATE_HELD)
        [post] = await sender.posts()
        await sender.receive(post, kind="DELIVERY")
        await becomes(caller, email, State.STATE_SENT)

    assert len(await sender.posts()) == 1


async def test_a_post_without_an_answer_times_out(caller: Caller, sender: Sender, domain: Domain) -> None:
    await sender.fault("accept_then_silent", count=1)

    accepted = await caller.send(f"agent@{domain.name}")

    email = await becomes(caller, accepted, State.STATE_UNKNOWN, within=timedelta(seconds=15))
    assert email.state_reason == EmailReason.EMAIL_REASON_ANSWER_LOST
    assert "answer was lost" in email.state_message
    assert len(await sender.posts()) == 1


async def test_a_throttled_email_is_retried_as_another_attempt(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    await sender.fault("throttle", count=1)

    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)

    assert await attempts(database, email.id) == ["REFUSED", "ACCEPTED"]
    assert len(await sender.posts()) == 2
    await sender.one_post_an_attempt()


async def test_an_unreachable_ses_loses_no_email(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """Nothing listens at the endpoint, so each attempt is certain to have sent nothing."""
    domain = await sender.a_ready_domain(tenant_id)
    nowhere = sender.with_endpoint("http://127.0.0.1:9")

    async with nowhere.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        email = await caller.send(f"agent@{domain.name}")
        refused = await refused_attempts(caller, email.id)
        assert await attempts(database, email.id) == ["REFUSED"] * refused
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        await becomes(caller, email, State.STATE_SENT)

    assert len(await sender.posts()) == 1


async def refused_attempts(caller: Caller, email_id: str) -> int:
    """Wait until the message says that SES was unreachable and return the number of attempts."""

    async def count() -> int:
        email = await caller.get(email_id)
        assert "could not be reached" in email.state_message
        return sum(each.state == State.STATE_SENDING for each in email.history)

    return await eventually(count)


async def test_a_permanent_rejection_fails_the_email_with_the_message_of_ses(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    """An account in SES's sandbox may send to verified recipients only."""
    await sender.internet.control.call("PATCH", "/ses/account", {"production_access": False})

    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_FAILED)

    assert "Email address is not verified" in email.state_message
    [event] = await sender.events("email.failed")
    assert email.state_reason == EmailReason.EMAIL_REASON_SES_REJECTED
    assert email.state_parameters.ses_code == "MessageRejected"
    assert event["data"]["message"] == email.state_message
    assert event["data"]["reason"] == "EMAIL_REASON_SES_REJECTED"
    assert len(await sender.posts()) == 1
