"""Email that cannot be sent now waits with a visible reason, and is sent when it can be."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from letterhead.sender.v1.emails_pb2 import Email
from services.sender.store.upkeep import BATCH
from tests.factories import ACCOUNT, REGION, Domain, a_tenant
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import SHORT, Sender, State, becomes
from tests.integration.sender.feedback_source import open_feedback_source
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def waits(caller: Caller, email: Email, saying: str) -> None:
    """Wait until the email is QUEUED with this reason in its note."""

    async def says() -> bool:
        found = await caller.get(email.id)
        assert (found.state, saying in found.state_message) == (State.STATE_QUEUED, True), found.state_message
        return True

    await eventually(says)


async def a_held_email(caller: Caller, sender: Sender, domain: Domain) -> Email:
    """Return an email that is HELD because its domain was lost after it was accepted."""
    await sender.set_account(state="PAUSED")
    email = await caller.send(f"agent@{domain.name}")
    await sender.set_domain_state(domain, "LOST")
    await sender.set_account(state="READY")
    return await becomes(caller, email, State.STATE_HELD)


async def test_email_of_a_lost_domain_is_held_and_sent_when_the_domain_is_ready_again(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    email = await a_held_email(caller, sender, domain)
    assert "LOST" in email.state_message
    assert len(await sender.events("email.held")) == 1
    assert await sender.posts() == []

    await sender.set_domain_state(domain, "READY")
    async with open_feedback_source(sender.stream) as feedback_source:
        await feedback_source.ready(domain)

    await becomes(caller, email, State.STATE_SENT, within=timedelta(seconds=4))


async def test_a_release_needs_no_event(caller: Caller, sender: Sender, domain: Domain) -> None:
    email = await a_held_email(caller, sender, domain)

    await sender.set_domain_state(domain, "DEGRADED", dkim_valid=True)

    await becomes(caller, email, State.STATE_SENT)


async def test_email_of_a_deleted_domain_fails(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    email = await a_held_email(caller, sender, domain)

    await database.execute("UPDATE identity.claims SET phase = 'DELETING' WHERE id = $1", domain.claim_id)

    failed = await becomes(caller, email, State.STATE_FAILED)
    assert "deleted" in failed.state_message


async def test_held_email_expires_at_its_deadline(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    email = await a_held_email(caller, sender, domain)
    assert email.expire_time.ToDatetime() - email.create_time.ToDatetime() == timedelta(days=7)

    await database.execute("UPDATE sender.emails SET expires_at = now()")

    await becomes(caller, email, State.STATE_EXPIRED)
    assert len(await sender.events("email.expired")) == 1
    assert await sender.posts() == []


async def test_an_email_that_may_have_been_sent_is_not_sent_again_and_expires_saying_so(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """It is held for a decision: a ready domain does not release it, and at its deadline it expires."""
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("accept_then_500", count=1)

    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        accepted = await caller.send(f"agent@{domain.name}")
        email = await sender.window_ends(caller, accepted, State.STATE_HELD)
        other = await a_held_email(caller, sender, await sender.a_ready_domain(tenant_id))
        await database.execute("UPDATE sender.emails SET expires_at = now() WHERE id = $1", UUID(other.id))
        await becomes(caller, other, State.STATE_EXPIRED)
        assert (await caller.get(email.id)).state == State.STATE_HELD

        await database.execute("UPDATE sender.emails SET expires_at = now()")
        ended = await becomes(caller, email, State.STATE_EXPIRED)

    assert "may have been" in ended.state_message
    reasons = {
        each["data"]["email"]["id"]: each["data"]["message"]
        for each in await sender.events("email.expired", 2)
    }
    assert reasons[email.id] == ended.state_message
    assert "nothing was sent" in reasons[other.id]
    assert len(await sender.posts()) == 1


async def test_an_unknown_email_expires_at_its_deadline_too(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """No email waits forever, not even while feedback is not proven to be live."""
    await sender.fault("accept_then_500", count=1)
    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_UNKNOWN)

    await database.execute("UPDATE sender.emails SET expires_at = now()")

    ended = await becomes(caller, email, State.STATE_EXPIRED)
    assert "may have been" in ended.state_message
    [post] = await sender.posts()
    await sender.receive(post)
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
    assert "AWS" not in seen.state_message  # only operators see messages of AWS
    assert await sender.posts() == []
    await sender.set_account(state="READY")
    await becomes(caller, email, State.STATE_SENT)


async def test_email_is_sent_while_the_account_cannot_be_checked(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    await sender.set_account(state="UNREACHABLE")

    await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)


async def test_email_of_a_paused_tenant_waits(
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


async def test_email_stays_queued_when_ses_pauses_the_account(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    """SES's error arrives before verifier has noticed the pause; nothing more is posted for a while."""
    await sender.internet.control.call("PATCH", "/ses/account", {"sending_enabled": False})

    emails = [await caller.send(f"agent@{domain.name}") for _ in range(3)]

    await waits(caller, emails[0], "paused")
    assert len(await sender.posts()) <= 3
    await sender.one_post_an_attempt()


async def test_an_email_is_held_if_ses_does_not_find_the_return_path(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    await sender.reject_on_mx_failure(domain)

    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_HELD)

    assert "return path" in email.state_message


async def test_the_sending_rate_counts_recipients(caller: Caller, sender: Sender, domain: Domain) -> None:
    """SES would throttle faster requests; its own rate limiter allows bursts of one second."""
    await sender.set_account(max_send_rate=10)
    await sender.internet.control.call("PATCH", "/ses/account", {"max_send_rate": 10})

    emails = [
        await caller.send(f"agent@{domain.name}", [f"r{number}@example.com" for number in range(5)])
        for _ in range(8)
    ]

    for email in emails:
        await becomes(caller, email, State.STATE_SENT)
    assert {post["outcome"] for post in await sender.posts()} == {"accepted"}


async def test_no_email_is_leased_while_another_transaction_holds_the_claim_lock(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """A transaction that revokes the right to send holds the lock exclusively until it commits."""
    connection = await asyncpg.connect(database.url("verifier"))
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(chassis.claim_lock($1))", domain.claim_id)
        email = await caller.send(f"agent@{domain.name}")
        await eventually(lambda: claim_lock_is_awaited(database))
        await connection.execute(
            "UPDATE verifier.verifications SET state = 'LOST', dkim_valid = false WHERE claim_id = $1",
            domain.claim_id,
        )
    await connection.close()

    await becomes(caller, email, State.STATE_HELD)
    assert await sender.posts() == []


async def claim_lock_is_awaited(database: FreshDatabase) -> bool:
    rows = await database.fetch("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return len(rows) > 0


async def test_a_long_queue_does_not_delay_other_tenants(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """One tenant queues 300 emails at 20 per second, then another tenant sends a single one."""
    await sender.set_account(state="PAUSED")
    other_id = await a_tenant(database)
    other_domain = await sender.a_ready_domain(other_id)
    [first] = [await caller.send(f"agent@{domain.name}")]
    await database.execute(
        "INSERT INTO sender.emails"
        " (id, tenant_id, claim_id, account, region, from_address, subject, text, size, expires_at)"
        " SELECT gen_random_uuid(), tenant_id, claim_id, account, region, from_address, subject, text, size,"
        "  expires_at"
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


async def test_a_release_checks_every_domain_however_many_have_held_email(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """More domains than fit in one batch cannot send; the one that can has the last id."""
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
        " (id, tenant_id, claim_id, account, region, from_address, subject, text, size, state, expires_at)"
        " SELECT gen_random_uuid(), tenant_id, id, account, region, 'agent@' || name, 'Hello', 'Good day.',"
        "  9, 'HELD', now() + interval '1 day' FROM identity.claims"
    )

    async with sender.start():

        async def released() -> bool:
            rows = await database.fetch("SELECT claim_id FROM sender.emails WHERE state <> 'HELD'")
            return [row["claim_id"] for row in rows] == [domain.claim_id]

        await eventually(released)


async def test_email_that_cannot_be_sent_does_not_delay_the_rest_of_the_queue(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """After a full batch the next one is leased at once, even if none of its emails was posted."""
    unready = await sender.a_pending_domain(tenant_id)
    await database.execute(
        "INSERT INTO sender.emails"
        " (id, tenant_id, claim_id, account, region, from_address, subject, text, size, expires_at)"
        " SELECT gen_random_uuid(), $1, $2, $4, $5, $3, 'Hello', 'Good day.', 9, now() + interval '1 day'"
        " FROM generate_series(1, 200)",
        tenant_id,
        unready.claim_id,
        f"agent@{unready.name}",
        ACCOUNT,
        REGION,
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
