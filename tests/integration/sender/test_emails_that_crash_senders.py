"""An email that crashes the senders that try to submit it is held after a few attempts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.access import Scope
from letterhead.sender.v1 import resolution_pb2 as pb
from letterhead.sender.v1 import resolution_pb2_grpc
from letterhead.sender.v1.emails_pb2 import CancelEmailRequest, Email
from services.sender.worker.resolution import DEADLY
from tests.factories import Domain, a_key
from tests.integration.identity.callers import Keyed
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

# Attempts of emails ($1): $2 that ended before they were started, and an open one of a dead process.
DEATHS = """
INSERT INTO sender.attempts
    (id, email_id, tenant_id, claim_id, number, state, worker, leased_until, resolved_at, started)
SELECT
    gen_random_uuid(), id, tenant_id, claim_id, n, CASE WHEN n <= $2 THEN 'REFUSED' ELSE 'OPEN' END, 'dead',
    now(), CASE WHEN n <= $2 THEN now() END, false
FROM sender.emails, generate_series(1, $2::integer + 1) AS n
WHERE id = ANY ($1)
"""


async def abandoned_emails(sender: Sender, domain: Domain, count: int, deaths: int) -> list[Email]:
    """Return emails whose last sender died before it started the attempt, as `deaths` others did before."""
    await sender.set_account(state="PAUSED")
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, domain.tenant_id)
        emails = [await caller.send(f"agent@{domain.name}") for _ in range(count)]
    ids = [UUID(email.id) for email in emails]
    await sender.database.execute("UPDATE sender.emails SET state = 'SENDING', attempts = $1", deaths + 1)
    await sender.database.execute(DEATHS, ids, deaths)
    return emails


async def released(sender: Sender, caller: Caller, domain: Domain) -> None:
    """Wait until the release task has run for the held email of a domain."""
    await sender.set_account(state="PAUSED")
    other = await caller.send(f"agent@{domain.name}")
    await sender.database.execute(
        "UPDATE sender.emails SET state = 'HELD', not_before = now() WHERE id = $1", UUID(other.id)
    )
    await becomes(caller, other, State.STATE_QUEUED)
    await sender.set_account(state="READY")


async def test_after_five_crashes_the_email_is_held_until_an_operator_decides(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    [email] = await abandoned_emails(sender, domain, 1, DEADLY - 1)

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        held = await becomes(caller, email, State.STATE_HELD)
        assert "this email may be what crashes them. Nothing was sent" in held.state_message
        await released(sender, caller, domain)
        assert (await caller.get(email.id)).state == State.STATE_HELD
        assert len(await sender.events("email.held")) == 1

        key = await a_key(database, tenant_id, Scope.ADMIN)
        operator: Any = Keyed(resolution_pb2_grpc.ResolutionServiceStub(channel), key)
        resend = pb.ResolveEmailRequest.OUTCOME_RESEND
        await operator.ResolveEmail(pb.ResolveEmailRequest(email_id=email.id, outcome=resend, reason="fixed"))
        await becomes(caller, email, State.STATE_SENT)

    assert {post["email_tags"]["lh-email"] for post in await sender.posts()} >= {email.id}


@pytest.mark.parametrize("ending", ["canceled", "expired"])
async def test_a_held_email_can_be_canceled_or_expire_as_nothing_was_sent(
    sender: Sender, tenant_id: UUID, database: FreshDatabase, ending: str
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    [email] = await abandoned_emails(sender, domain, 1, DEADLY - 1)

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        await becomes(caller, email, State.STATE_HELD)
        if ending == "canceled":
            await caller.emails.CancelEmail(CancelEmailRequest(email_id=email.id))
            ended = await caller.get(email.id)
        else:
            await database.execute("UPDATE sender.emails SET expires_at = now()")
            ended = await becomes(caller, email, State.STATE_EXPIRED)

    assert "nothing was sent" in ended.state_message.lower()


async def test_until_then_it_is_retried_at_another_time_than_emails_of_the_same_crash(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """One crash may have any cause; from the second one on, each email is retried at a time of its own."""
    domain = await sender.a_ready_domain(tenant_id)
    await abandoned_emails(sender, domain, 3, 0)
    first = await delays(sender, database)
    await database.execute("DELETE FROM sender.attempts")
    await database.execute("DELETE FROM sender.emails")
    await abandoned_emails(sender, domain, 3, 1)
    second = await delays(sender, database)

    assert first == [timedelta(seconds=1)] * 3
    assert second == [timedelta(seconds=2 + position) for position in range(3)]


async def delays(sender: Sender, database: FreshDatabase) -> list[timedelta]:
    """Return how long each email that was taken over waits for its retry; the account is paused."""

    async def all_queued() -> list[timedelta]:
        rows = await database.fetch(
            "SELECT not_before - state_at AS delay FROM sender.emails WHERE state = 'QUEUED' ORDER BY delay"
        )
        return [row["delay"] for row in rows] if len(rows) == 3 else []

    async with sender.start():
        return await eventually(all_queued)
