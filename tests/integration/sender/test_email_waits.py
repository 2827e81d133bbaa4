"""What cannot be sent now waits where everybody sees why, and leaves when it can."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from letterhead.sender.v1.emails_pb2 import Email
from services.sender.store.upkeep import BATCH
from tests.factories import Domain, a_tenant
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import SHORT, Sender, State, becomes
from tests.integration.sender.hearsay import open_hearsay
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def waits(caller: Caller, email: Email, saying: str) -> None:
    """Waits until the email is queued and says why."""

    async def says() -> bool:
        found = await caller.get(email.id)
        assert (found.state, saying in found.state_note) == (State.STATE_QUEUED, True), found.state_note
        return True

    await eventually(says)


async def a_held_email(caller: Caller, sender: Sender, domain: Domain) -> Email:
    """An email whose domain fell after it was accepted."""
    await sender.set_account(state="PAUSED")
    email = await caller.send(f"agent@{domain.name}")
    await sender.set_domain_state(domain, "LOST")
    await sender.set_account(state="READY")
    return await becomes(caller, email, State.STATE_HELD)


async def test_a_fallen_domains_email_is_held_and_leaves_when_the_domain_is_ready_again(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    email = await a_held_email(caller, sender, domain)
    assert "LOST" in email.state_note
    assert len(await sender.events("email.held")) == 1
    assert await sender.posts() == []

    await sender.set_domain_state(domain, "READY")
    async with open_hearsay(sender.stream) as hearsay:
        await hearsay.ready(domain)

    await becomes(caller, email, State.STATE_SENT, within=timedelta(seconds=4))


async def test_a_release_needs_no_event(caller: Caller, sender: Sender, domain: Domain) -> None:
    email = await a_held_email(caller, sender, domain)

    await sender.set_domain_state(domain, "DEGRADED", dkim_good=True)

    await becomes(caller, email, State.STATE_SENT)


async def test_a_deleted_domains_email_fails(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    email = await a_held_email(caller, sender, domain)

    await database.execute("UPDATE identity.claims SET phase = 'DELETING' WHERE id = $1", domain.claim_id)

    failed = await becomes(caller, email, State.STATE_FAILED)
    assert "deleted" in failed.state_note


async def test_held_email_expires_at_its_deadline(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    email = await a_held_email(caller, sender, domain)
    assert email.expire_time.ToDatetime() - email.create_time.ToDatetime() == timedelta(days=7)

    await database.execute("UPDATE sender.emails SET expires_at = now()")

    await becomes(caller, email, State.STATE_EXPIRED)
    assert len(await sender.events("email.expired")) == 1
    assert await sender.posts() == []


async def test_what_may_have_been_sent_does_not_leave_again_and_ends_without_a_claim(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """It is held for a decision: that its domain is ready decides nothing, and its deadline only ends it."""
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("accept_then_500", count=1)

    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        accepted = await caller.send(f"agent@{domain.name}")
        email = await sender.falls_silent(caller, accepted, State.STATE_HELD)
        other = await a_held_email(caller, sender, await sender.a_ready_domain(tenant_id))
        await database.execute("UPDATE sender.emails SET expires_at = now() WHERE id = $1", UUID(other.id))
        await becomes(caller, other, State.STATE_EXPIRED)
        assert (await caller.get(email.id)).state == State.STATE_HELD

        await database.execute("UPDATE sender.emails SET expires_at = now()")
        ended = await becomes(caller, email, State.STATE_EXPIRED)

    assert "may have been" in ended.state_note
    reasons = {
        each["data"]["email"]["id"]: each["data"]["reason"]
        for each in await sender.events("email.expired", 2)
    }
    assert reasons[email.id] == ended.state_note
    assert "nothing was sent" in reasons[other.id]
    assert len(await sender.posts()) == 1


async def test_what_is_still_being_found_out_ends_at_its_deadline_too(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """Nothing waits for ever: not even while nobody can prove that silence means anything."""
    await sender.fault("accept_then_500", count=1)
    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_UNKNOWN)

    await database.execute("UPDATE sender.emails SET expires_at = now()")

    ended = await becomes(caller, email, State.STATE_EXPIRED)
    assert "may have been" in ended.state_note
    [post] = await sender.posts()
    await sender.hear(post)
    await becomes(caller, email, State.STATE_SENT)


@pytest.mark.parametrize(
    ("columns", "saying"),
    [
        ({"state": "PAUSED", "state_note": "AWS paused it."}, "SES does not accept email"),
        ({"state": "UNREACHABLE", "sending_enabled": None}, "until SES reports"),
    ],
)
async def test_an_account_that_may_not_send_makes_email_wait(
    caller: Caller, sender: Sender, domain: Domain, columns: dict[str, object], saying: str
) -> None:
    await sender.set_account(**columns)

    email = await caller.send(f"agent@{domain.name}")

    await waits(caller, email, saying)
    seen = await caller.get(email.id)
    assert "AWS" not in seen.state_note  # what AWS says is for operators
    assert await sender.posts() == []
    await sender.set_account(state="READY")
    await becomes(caller, email, State.STATE_SENT)


async def test_an_account_out_of_sight_sends_on_as_it_was(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    await sender.set_account(state="UNREACHABLE")

    await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)


async def test_a_paused_tenants_email_waits(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    await sender.set_account(state="PAUSED")
    email = await caller.send(f"agent@{domain.name}")
    await database.execute("UPDATE identity.tenants SET state = 'PAUSED', pause_reason = 'bills'")
    await sender.set_account(state="READY")

    await waits(caller, email, "(bills)")
    await database.execute("UPDATE identity.tenants SET state = 'ACTIVE'")
    await becomes(caller, email, State.STATE_SENT)
    assert len(await sender.posts()) == 1


async def test_what_ses_itself_pauses_stays_queued(caller: Caller, sender: Sender, domain: Domain) -> None:
    """Verifier has not seen it yet; SES's refusal says so first, and nothing more is posted for a while."""
    await sender.internet.control.call("PATCH", "/ses/account", {"sending_enabled": False})

    emails = [await caller.send(f"agent@{domain.name}") for _ in range(3)]

    await waits(caller, emails[0], "paused")
    assert len(await sender.posts()) <= 3
    await sender.one_post_an_attempt()


async def test_ses_missing_the_return_path_holds_the_email(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    await sender.reject_on_mx_failure(domain)

    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_HELD)

    assert "return path" in email.state_note


async def test_the_rate_is_kept_for_every_recipient(caller: Caller, sender: Sender, domain: Domain) -> None:
    """SES would throttle what comes faster; its bucket holds one second's worth."""
    await sender.set_account(max_send_rate=10)
    await sender.internet.control.call("PATCH", "/ses/account", {"max_send_rate": 10})

    emails = [
        await caller.send(f"agent@{domain.name}", [f"r{number}@example.com" for number in range(5)])
        for _ in range(8)
    ]

    for email in emails:
        await becomes(caller, email, State.STATE_SENT)
    assert {post["outcome"] for post in await sender.posts()} == {"accepted"}


async def test_whoever_takes_a_domain_away_waits_for_a_claim_and_no_claim_passes_it(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """The fence: while it is held exclusively, what the email may do is not even read."""
    connection = await asyncpg.connect(database.url("verifier"))
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(chassis.fence($1))", domain.claim_id)
        email = await caller.send(f"agent@{domain.name}")
        await eventually(lambda: fence_is_awaited(database))
        await connection.execute(
            "UPDATE verifier.verifications SET state = 'LOST', dkim_good = false WHERE claim_id = $1",
            domain.claim_id,
        )
    await connection.close()

    await becomes(caller, email, State.STATE_HELD)
    assert await sender.posts() == []


async def fence_is_awaited(database: FreshDatabase) -> bool:
    rows = await database.fetch("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return len(rows) > 0


async def test_a_long_queue_delays_nobody_else(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """One tenant's 300 emails at 20 a second, and then another tenant's single one."""
    await sender.set_account(state="PAUSED")
    other_id = await a_tenant(database)
    other_domain = await sender.a_ready_domain(other_id)
    [first] = [await caller.send(f"agent@{domain.name}")]
    await database.execute(
        "INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, text, size, expires_at)"
        " SELECT gen_random_uuid(), tenant_id, claim_id, from_address, subject, text, size, expires_at"
        " FROM sender.emails, generate_series(1, 300)"
    )
    await database.execute(
        "INSERT INTO sender.recipients (email_id, position, kind, address, match)"
        " SELECT id, 0, 'TO', 'reader@example.com', 'reader@example.com' FROM sender.emails WHERE id <> $1",
        UUID(first.id),
    )
    other = await sender.a_caller(caller.channel, other_id)
    await sender.set_account(state="READY", max_send_rate=20)

    await becomes(caller, first, State.STATE_SENT)
    single = await other.send(f"agent@{other_domain.name}")
    await becomes(other, single, State.STATE_SENT, within=timedelta(seconds=4))

    [row] = await database.fetch("SELECT count(*) FROM sender.emails WHERE state = 'QUEUED'")
    assert row["count"] > 150


async def test_a_release_looks_at_every_domain_however_many_wait(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """More of them than one look takes cannot send; the one that can has the last id."""
    pending = await sender.a_pending_domain(tenant_id)
    await database.execute(
        "INSERT INTO identity.claims (id, tenant_id, ses_identity_id, account, region, name, display_name,"
        "  mail_from_label, phase, ownership)"
        " SELECT lpad(n::text, 32, '0')::uuid, tenant_id, ses_identity_id, account, region, n || name,"
        "  n || name, mail_from_label, phase, ownership"
        " FROM identity.claims, generate_series(1, $2::integer) AS n WHERE id = $1",
        pending.claim_id,
        10 * BATCH,
    )
    domain = await sender.a_ready_domain(tenant_id)
    await database.execute(
        "INSERT INTO sender.emails"
        " (id, tenant_id, claim_id, from_address, subject, text, size, state, expires_at)"
        " SELECT gen_random_uuid(), tenant_id, id, 'agent@' || name, 'Hello', 'Good day.', 9, 'HELD',"
        "  now() + interval '1 day' FROM identity.claims"
    )

    async with sender.start():

        async def let_go() -> bool:
            rows = await database.fetch("SELECT claim_id FROM sender.emails WHERE state <> 'HELD'")
            return [row["claim_id"] for row in rows] == [domain.claim_id]

        await eventually(let_go)


async def test_email_that_moves_elsewhere_keeps_nobody_waiting(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """A claim that found as many as it wanted is followed by the next, whatever became of them."""
    fallen = await sender.a_pending_domain(tenant_id)
    await database.execute(
        "INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, text, size, expires_at)"
        " SELECT gen_random_uuid(), $1, $2, $3, 'Hello', 'Good day.', 9, now() + interval '1 day'"
        " FROM generate_series(1, 200)",
        tenant_id,
        fallen.claim_id,
        f"agent@{fallen.name}",
    )
    await database.execute(
        "INSERT INTO sender.recipients (email_id, position, kind, address, match)"
        " SELECT id, 0, 'TO', 'reader@example.com', 'reader@example.com' FROM sender.emails"
    )
    await sender.set_account(max_send_rate=2.0)  # one at a time

    async with sender.start():

        async def all_held() -> bool:
            return not await database.fetch("SELECT FROM sender.emails WHERE state <> 'HELD' LIMIT 1")

        await eventually(all_held, within=timedelta(seconds=40))
