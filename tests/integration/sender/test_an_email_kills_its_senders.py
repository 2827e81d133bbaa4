"""An email that ends whoever is about to hand it over: tried by some, then kept from killing more."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.access import Scope
from letterhead.sender.v1 import settlement_pb2 as pb
from letterhead.sender.v1 import settlement_pb2_grpc
from letterhead.sender.v1.emails_pb2 import CancelEmailRequest, Email
from services.sender.worker.upkeep import DEADLY
from tests.factories import Domain, a_key
from tests.integration.identity.callers import Keyed
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

# Attempts of emails ($1): so many ($2) that ended before they began, and an open one whose process is dead.
DEATHS = """
INSERT INTO sender.attempts
    (id, email_id, tenant_id, claim_id, number, state, worker, leased_until, settled_at, begun)
SELECT
    gen_random_uuid(), id, tenant_id, claim_id, n, CASE WHEN n <= $2 THEN 'REFUSED' ELSE 'OPEN' END, 'dead',
    now(), CASE WHEN n <= $2 THEN now() END, false
FROM sender.emails, generate_series(1, $2::integer + 1) AS n
WHERE id = ANY ($1)
"""


async def emails_of_the_dead(sender: Sender, domain: Domain, count: int, deaths: int) -> list[Email]:
    """Emails as the latest of senders leaves them that die before they begin, after so many others."""
    await sender.set_account(state="PAUSED")
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, domain.tenant_id)
        emails = [await caller.send(f"agent@{domain.name}") for _ in range(count)]
    ids = [UUID(email.id) for email in emails]
    await sender.database.execute("UPDATE sender.emails SET state = 'CLAIMED', attempts = $1", deaths + 1)
    await sender.database.execute(DEATHS, ids, deaths)
    return emails


async def looked_at(sender: Sender, caller: Caller, domain: Domain) -> None:
    """Waits until a release has looked at what is held for a domain."""
    await sender.set_account(state="PAUSED")
    other = await caller.send(f"agent@{domain.name}")
    await sender.database.execute(
        "UPDATE sender.emails SET state = 'HELD', not_before = now() WHERE id = $1", UUID(other.id)
    )
    await becomes(caller, other, State.STATE_QUEUED)
    await sender.set_account(state="READY")


async def test_after_five_deaths_it_is_held_and_an_operator_lets_it_go(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    [email] = await emails_of_the_dead(sender, domain, 1, DEADLY - 1)

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        held = await becomes(caller, email, State.STATE_HELD)
        assert "this email may be what crashes them. Nothing was sent" in held.state_note
        await looked_at(sender, caller, domain)
        assert (await caller.get(email.id)).state == State.STATE_HELD
        assert len(await sender.events("email.held")) == 1

        key = await a_key(database, tenant_id, Scope.ADMIN)
        operator: Any = Keyed(settlement_pb2_grpc.SettlementServiceStub(channel), key)
        resend = pb.SettleEmailRequest.OUTCOME_RESEND
        await operator.SettleEmail(pb.SettleEmailRequest(email_id=email.id, outcome=resend, reason="mended"))
        await becomes(caller, email, State.STATE_SENT)

    assert {post["email_tags"]["lh-email"] for post in await sender.posts()} >= {email.id}


@pytest.mark.parametrize("ending", ["canceled", "expired"])
async def test_nothing_was_sent_of_it_and_so_it_ends(
    sender: Sender, tenant_id: UUID, database: FreshDatabase, ending: str
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    [email] = await emails_of_the_dead(sender, domain, 1, DEADLY - 1)

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        await becomes(caller, email, State.STATE_HELD)
        if ending == "canceled":
            await caller.emails.CancelEmail(CancelEmailRequest(email_id=email.id))
            ended = await caller.get(email.id)
        else:
            await database.execute("UPDATE sender.emails SET expires_at = now()")
            ended = await becomes(caller, email, State.STATE_EXPIRED)

    assert "nothing was sent" in ended.state_note


async def test_before_that_it_is_tried_again_apart_from_those_that_died_with_it(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """Once is anybody's; from the second time on each waits for a moment of its own."""
    domain = await sender.a_ready_domain(tenant_id)
    await emails_of_the_dead(sender, domain, 3, 0)
    first = await rests(sender, database)
    await database.execute("DELETE FROM sender.attempts")
    await database.execute("DELETE FROM sender.emails")
    await emails_of_the_dead(sender, domain, 3, 1)
    second = await rests(sender, database)

    assert first == [timedelta(seconds=1)] * 3
    assert second == [timedelta(seconds=2 + place) for place in range(3)]


async def rests(sender: Sender, database: FreshDatabase) -> list[timedelta]:
    """How long each email that was taken over rests, while SES takes nothing."""

    async def all_rest() -> list[timedelta]:
        rows = await database.fetch(
            "SELECT not_before - state_at AS rest FROM sender.emails WHERE state = 'QUEUED' ORDER BY rest"
        )
        return [row["rest"] for row in rows] if len(rows) == 3 else []

    async with sender.start():
        return await eventually(all_rest)
