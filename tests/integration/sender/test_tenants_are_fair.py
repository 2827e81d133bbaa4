"""A tenant with a long queue delays other tenants' email by no more than the emails already leased."""

import gc
from uuid import UUID

import pytest

from letterhead.sender.v1.emails_pb2 import Email
from services.sender.worker.submission import AHEAD
from tests.factories import ACCOUNT, REGION, Domain, a_tenant
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

RATE = 14  # recipients per second: SES's default for an account that has left the sandbox
QUEUED = 100_000


async def a_long_queue(database: FreshDatabase, domain: Domain) -> None:
    """Store many emails of a tenant, as `SendEmail` would."""
    await database.execute(
        "INSERT INTO sender.emails"
        " (id, tenant_id, claim_id, account, region, from_address, subject, text, size, expires_at)"
        " SELECT gen_random_uuid(), $1, $2, $5, $6, $3, 'Hello', 'Good day.', 100, now() + interval '7 days'"
        " FROM generate_series(1, $4::integer)",
        domain.tenant_id,
        domain.claim_id,
        f"agent@{domain.name}",
        QUEUED,
        ACCOUNT,
        REGION,
    )
    await database.execute(
        "INSERT INTO sender.recipients (email_id, position, kind, address, match)"
        " SELECT id, 0, 'TO', 'reader@example.com', 'reader@example.com' FROM sender.emails"
        " WHERE tenant_id = $1",
        domain.tenant_id,
    )
    await database.execute("ANALYZE sender.emails, sender.recipients")


async def waited(database: FreshDatabase, email: Email) -> tuple[float, int]:
    """Return the seconds from acceptance to SES's answer, by the database's clock, and the attempts."""
    [row] = await database.fetch(
        "SELECT extract(epoch FROM sent_at - created_at)::float AS seconds, attempts"
        " FROM sender.emails WHERE id = $1",
        UUID(email.id),
    )
    return row["seconds"], row["attempts"]


@pytest.mark.timeout(120)  # it inserts a hundred thousand rows
async def test_a_single_email_passes_a_long_queue(
    sender: Sender, caller: Caller, domain: Domain, database: FreshDatabase, figure: Figure
) -> None:
    await sender.set_account(max_send_rate=float(RATE))
    alone = await a_single_email(caller, domain)

    other = await sender.a_ready_domain(await a_tenant(database))
    await a_long_queue(database, other)

    async def under_way() -> bool:
        return len(await sender.posts()) > 2 * RATE

    await eventually(under_way)
    gc.collect()  # a collection of garbage from earlier tests would stop this process for seconds
    singles = [await a_single_email(caller, domain) for _ in range(10)]

    overtakers = max([await sent_meanwhile(database, email) for email in singles])
    assert overtakers <= RATE * (AHEAD + 0.5) + 1  # the burst of the rate limiter plus emails in flight
    longest, attempts = max([await waited(database, email) for email in singles])
    by_itself, _ = await waited(database, alone)
    figure(
        f"One email against another tenant's {QUEUED:,} at {RATE}/s: {longest:.2f} s from accepted to sent "
        f"(longest of {len(singles)}; {overtakers} went before; {attempts} attempts); alone {by_itself:.2f} s"
    )


async def a_single_email(caller: Caller, domain: Domain) -> Email:
    """Send an email and return it once it is SENT."""
    return await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)


async def sent_meanwhile(database: FreshDatabase, email: Email) -> int:
    """Return how many other emails were sent between an email's acceptance and its own submission."""
    [row] = await database.fetch(
        "SELECT count(*) FROM sender.emails AS other, sender.emails AS own"
        " WHERE own.id = $1 AND other.id <> own.id AND other.sent_at BETWEEN own.created_at AND own.sent_at",
        UUID(email.id),
    )
    count: int = row["count"]
    return count
