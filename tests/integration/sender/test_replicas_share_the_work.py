"""With several senders, and senders that die, every email is sent once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import grpc
import pytest

from letterhead.sender.v1.emails_pb2 import Email
from tests.factories import ACCOUNT, REGION, Domain, a_key
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import SHORT, Sender, State, becomes
from tests.integration.sender.processes import Process
from tests.stores import FreshDatabase
from tests.waiting import eventually

SLOW = timedelta(seconds=45)


async def states(database: FreshDatabase) -> Counter[str]:
    rows = await database.fetch("SELECT state, count(*) FROM sender.emails GROUP BY state")
    return Counter({row["state"]: row["count"] for row in rows})


async def test_two_replicas_post_200_emails_200_times(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)

    async with sender.start() as one, sender.start() as other:
        callers = [await sender.a_caller(channel, tenant_id) for channel in (one, other)]
        sends = [callers[number % 2].send(f"agent@{domain.name}") for number in range(200)]
        emails = await asyncio.gather(*sends)

        async def all_sent() -> bool:
            return await states(database) == {"SENT": 200}

        await eventually(all_sent, within=SLOW)

    posts = await sender.posts()
    assert len(posts) == 200
    assert {post["email_tags"]["lh-email"] for post in posts} == {email.id for email in emails}
    await sender.one_post_an_attempt()


@pytest.fixture
async def process(sender: Sender, tmp_path: Path) -> AsyncIterator[Process]:
    process = Process(sender, tmp_path)
    await process.start()
    yield process
    await process.kill()


@asynccontextmanager
async def calling(process: Process, sender: Sender, tenant_id: UUID) -> AsyncIterator[Caller]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel:
        await asyncio.wait_for(channel.channel_ready(), timeout=20)
        yield Caller(channel, await a_key(sender.database, tenant_id))


async def let_leases_end(database: FreshDatabase) -> None:
    """Expire the leases of open attempts."""
    await database.execute("UPDATE sender.attempts SET leased_until = now() WHERE state = 'OPEN'")


async def test_emails_of_a_sender_killed_after_the_post_are_resolved_by_their_events(
    sender: Sender, tenant_id: UUID, process: Process, database: FreshDatabase
) -> None:
    """SES accepts and answers late; the sender is dead by then, and its successor never sees the answer."""
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("accept_then_silent", count=5)

    async with calling(process, sender, tenant_id) as caller:
        emails = [await caller.send(f"agent@{domain.name}") for _ in range(5)]
        posts = await eventually(lambda: so_many_posts(sender, 5))
    await process.kill()
    await let_leases_end(database)
    await sender.end_faults()
    await process.start()

    async with calling(process, sender, tenant_id) as caller:
        for email in emails:
            await becomes(caller, email, State.STATE_UNKNOWN)
        for post in posts:
            await sender.receive(post)
        resolved = [await becomes(caller, email, State.STATE_SENT) for email in emails]

    assert {email.ses_id for email in resolved} == {post["message_id"] for post in posts}
    assert len(await sender.posts()) == 5


async def test_the_attempts_of_a_dead_sender_are_taken_over_by_another(
    sender: Sender, tenant_id: UUID, process: Process, figure: Figure
) -> None:
    """The other replica waits until the lease really expires, by the database's clock."""
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("accept_then_silent", count=1)

    async with calling(process, sender, tenant_id) as caller:
        email = await caller.send(f"agent@{domain.name}")
        await eventually(lambda: so_many_posts(sender, 1))
    await process.kill()
    died = time.monotonic()
    async with sender.start() as channel:
        survivor = await sender.a_caller(channel, tenant_id)
        await becomes(survivor, email, State.STATE_UNKNOWN, within=SLOW)
        taken_over = time.monotonic() - died

    assert len(await sender.posts()) == 1
    figure(f"attempts of a dead sender are taken over {taken_over:.1f} s after its end (target: 30 s)")
    await process.start()


async def so_many_posts(sender: Sender, count: int) -> list[dict[str, object]] | None:
    posts = await sender.posts()
    return posts if len(posts) == count else None


async def delay_send_slots(database: FreshDatabase, seconds: float) -> None:
    """Make the next email wait for its send slot."""
    await database.execute(
        "INSERT INTO chassis.rate_bucket (key, arrival_at) VALUES ($1, now() + make_interval(secs => $2))",
        f"ses-send:{ACCOUNT}:{REGION}",
        seconds,
    )


async def attempts(database: FreshDatabase) -> list[tuple[str, bool]]:
    rows = await database.fetch("SELECT state, started FROM sender.attempts ORDER BY number")
    return [(row["state"], row["started"]) for row in rows]


async def an_open_attempt(database: FreshDatabase) -> bool:
    return ("OPEN", False) in await attempts(database)


async def test_an_email_of_a_sender_killed_before_the_post_is_sent_once_by_another(
    sender: Sender, tenant_id: UUID, process: Process, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    async with calling(process, sender, tenant_id) as caller:
        await delay_send_slots(database, 8)  # as long as a sender waits, so the kill comes in time
        email = await caller.send(f"agent@{domain.name}")
        await eventually(lambda: an_open_attempt(database))
    await process.kill()
    await database.execute("DELETE FROM chassis.rate_bucket")
    await let_leases_end(database)
    async with sender.start() as channel:
        await becomes(await sender.a_caller(channel, tenant_id), email, State.STATE_SENT)

    assert await attempts(database) == [("REFUSED", False), ("ACCEPTED", True)]
    assert len(await sender.posts()) == 1
    await process.start()


async def test_an_attempt_that_was_taken_over_is_not_started(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """Its process is alive and waits for a send slot; meanwhile the email gets another attempt."""
    await delay_send_slots(database, 6)

    email = await caller.send(f"agent@{domain.name}")
    await eventually(lambda: an_open_attempt(database))
    await let_leases_end(database)
    await becomes(caller, email, State.STATE_SENT, within=SLOW)

    assert await attempts(database) == [("REFUSED", False), ("ACCEPTED", True)]
    assert len(await sender.posts()) == 1


async def test_an_open_attempt_of_a_version_that_recorded_no_starts_is_held_and_not_resent(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """It cannot be distinguished from a POST whose answer was lost: only the attempt row is known."""
    domain = await sender.a_ready_domain(tenant_id)
    email = await an_abandoned_email(sender, tenant_id, domain.name)

    async with sender.start(windows=SHORT) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        held = await sender.window_ends(caller, email, State.STATE_HELD)

    assert [each.state for each in held.history][-2:] == [State.STATE_UNKNOWN, State.STATE_HELD]
    assert await sender.posts() == []


async def an_abandoned_email(sender: Sender, tenant_id: UUID, domain: str) -> Email:
    """Return an email whose sender recorded no attempt starts and died between lease and POST."""
    await sender.set_account(state="PAUSED")
    async with sender.start() as channel:
        email = await (await sender.a_caller(channel, tenant_id)).send(f"agent@{domain}")
    await sender.database.execute("UPDATE sender.emails SET state = 'SENDING', attempts = 1")
    await sender.database.execute(
        "INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, number, worker, leased_until)"
        " SELECT gen_random_uuid(), id, tenant_id, claim_id, 1, 'dead', now() FROM sender.emails"
    )
    return email


async def test_a_sender_finishes_its_posts_at_shutdown(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("latency", latency_ms=1500, count=3)

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        for _ in range(3):
            await caller.send(f"agent@{domain.name}")
        await eventually(lambda: so_many_posts(sender, 3))

    assert await states(database) == {"SENT": 3}
