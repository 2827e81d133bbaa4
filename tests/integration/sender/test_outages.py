"""Outages of Postgres and NATS: callers get correct answers, and no acknowledged email is lost."""

import asyncio
from dataclasses import replace

import grpc

from cli.embedded import NatsServer, Postgres
from cli.server_process import free_port
from letterhead.sender.v1.emails_pb2 import Email
from tests.factories import Domain
from tests.health import serves
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

# Makes the resolution of an attempt take longer than the statement timeout.
SLEEP = """
CREATE FUNCTION sender.sleep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(14);
    RETURN NEW;
END $$
"""
SLOW_RESOLUTION = """
CREATE TRIGGER slow BEFORE UPDATE OF state ON sender.attempts FOR EACH ROW EXECUTE FUNCTION sender.sleep()
"""
CUT_SHORT = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


async def test_calls_are_unavailable_without_postgres_and_acknowledged_emails_survive(
    caller: Caller, sender: Sender, domain: Domain, postgres: Postgres
) -> None:
    await sender.set_account(state="PAUSED")
    probed = free_port()
    before = [await caller.send(f"agent@{domain.name}", request_id=str(number)) for number in range(5)]

    async with sender.start(server=replace(sender.settings.server, health_port=probed)):
        postgres.kill()
        late = a_request(f"agent@{domain.name}", request_id="late")
        rejection = await refused(caller.emails.SendEmail(late))
        alive = await serves(probed, "liveness")
        postgres.restart()

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
    assert alive
    await eventually(lambda: accepted(caller, domain))
    await sender.set_account(state="READY")
    for email in before:
        await becomes(caller, email, State.STATE_SENT)
    await sender.one_post_an_attempt()


async def accepted(caller: Caller, domain: Domain) -> Email | None:
    try:
        return await caller.send(f"agent@{domain.name}", request_id="late")
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return None


async def test_no_email_is_lost_or_sent_twice_when_postgres_is_killed_during_posts(
    caller: Caller, sender: Sender, domain: Domain, postgres: Postgres
) -> None:
    """SES answers slowly, so that Postgres dies between the POST and the resolution of the attempt."""
    await sender.fault("latency", latency_ms=800)

    emails = await asyncio.gather(*(caller.send(f"agent@{domain.name}") for _ in range(8)))
    await eventually(lambda: so_many_posts(sender, 8))
    postgres.kill()
    postgres.restart()

    for email in emails:
        await becomes(caller, email, State.STATE_SENT)
    assert len(await sender.posts()) == 8


async def so_many_posts(sender: Sender, count: int) -> bool:
    return len(await sender.posts()) == count


async def test_a_resolution_that_times_out_in_postgres_is_retried(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """SES rejected the email for certain. Without the retry it would count as a lost answer and be held."""
    await database.execute(SLEEP)
    await database.execute(SLOW_RESOLUTION)
    await sender.fault("throttle", count=1)
    email = await caller.send(f"agent@{domain.name}")

    await eventually(lambda: database.fetch(CUT_SHORT))
    await database.execute("DROP TRIGGER slow ON sender.attempts")

    sent = await becomes(caller, email, State.STATE_SENT)
    assert State.STATE_UNKNOWN not in [each.state for each in sent.history]


async def test_email_is_sent_without_nats_and_its_events_are_published_later(
    caller: Caller, sender: Sender, domain: Domain, nats_server: NatsServer
) -> None:
    nats_server.kill()

    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
    nats_server.restart()

    [event] = await sender.events("email.sent")
    assert event["data"]["email"]["id"] == email.id
