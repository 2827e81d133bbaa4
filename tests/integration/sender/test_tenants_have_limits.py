"""Limits per second and per day of a tenant: email beyond them waits, with the reason in its note."""

import asyncio
from datetime import timedelta
from uuid import UUID

from services.sender.config import Limits
from tests.factories import Domain
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def test_email_beyond_the_daily_limit_waits_with_a_reason(
    sender: Sender, caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    await database.execute("UPDATE identity.tenants SET daily_limit = 3")
    emails = [await caller.send(f"agent@{domain.name}") for _ in range(5)]

    async def three_left() -> list[str] | None:
        found = [await caller.get(email.id) for email in emails]
        notes = [each.state_message for each in found if each.state == State.STATE_QUEUED]
        return notes if len(notes) == 2 and len(await sender.posts()) == 3 else None

    notes = await eventually(three_left) or []
    assert all("daily sending limit" in note for note in notes)

    await database.execute("UPDATE identity.tenants SET daily_limit = NULL")
    for email in emails:
        await becomes(caller, email, State.STATE_SENT)


async def test_the_daily_limit_counts_recipients_as_ses_does(
    sender: Sender, caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    await database.execute("UPDATE identity.tenants SET daily_limit = 5")
    address = f"agent@{domain.name}"
    [first, second] = [await caller.send(address, readers(3)) for _ in range(2)]
    for email in (first, second):  # an email is never split, so the second may exceed the limit
        await becomes(caller, email, State.STATE_SENT)

    third = await caller.send(address)

    assert "daily sending limit" in (await caller.get(third.id)).state_message
    [row] = await database.fetch("SELECT emails, recipients FROM sender.tenant_days")
    assert (row["emails"], row["recipients"]) == (2, 6)


async def test_one_batch_leases_only_the_emails_that_the_limit_allows(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    await database.execute("UPDATE identity.tenants SET daily_limit = 10")
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start(submitting=False) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        emails = [await caller.send(f"agent@{domain.name}", readers(4)) for _ in range(6)]

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        for email in emails[:3]:
            await becomes(caller, email, State.STATE_SENT)
        for email in emails[3:]:
            assert "daily sending limit" in (await caller.get(email.id)).state_message
    assert len(await sender.posts()) == 3


def readers(count: int) -> list[str]:
    return [f"reader{number}@example.com" for number in range(count)]


async def test_the_limit_of_new_tenants_ends_when_a_tenant_is_no_longer_new(
    sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    async with sender.start(limits=Limits(new_tenant_limit=0)) as channel:
        await eventually(lambda: declared(database))
        caller = await sender.a_caller(channel, domain.tenant_id)
        email = await caller.send(f"agent@{domain.name}")
        assert "daily sending limit" in (await caller.get(email.id)).state_message

        await database.execute("UPDATE identity.tenants SET created_at = now() - interval '15 days'")
        await becomes(caller, email, State.STATE_SENT)


async def declared(database: FreshDatabase) -> bool:
    return bool(await database.fetch("SELECT FROM sender.tenant_limits WHERE new_tenant_limit = 0"))


async def test_a_tenant_with_its_own_rate_sends_at_that_rate(
    sender: Sender, caller: Caller, domain: Domain, database: FreshDatabase, figure: Figure
) -> None:
    await database.execute("UPDATE identity.tenants SET max_send_rate = 2")

    emails = await asyncio.gather(*(caller.send(f"agent@{domain.name}") for _ in range(12)))

    async def one_waits() -> bool:
        notes = {(await caller.get(email.id)).state_message for email in emails}
        return "Waits because the tenant has reached its sending rate." in notes

    await eventually(one_waits)
    for email in emails:
        await becomes(caller, email, State.STATE_SENT, within=timedelta(seconds=20))

    [row] = await database.fetch(
        "SELECT extract(epoch FROM max(sent_at) - min(sent_at))::float AS seconds FROM sender.emails"
    )
    figure(f"12 emails of a tenant that may send 2/s, 2 at once: {row['seconds']:.1f} s from first to last")
