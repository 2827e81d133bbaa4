"""Postgres and NATS come and go: callers are told the truth, and what was acknowledged is there."""

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

# Whoever settles an attempt sleeps over it.
SLEEP = """
CREATE FUNCTION sender.sleep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(14);
    RETURN NEW;
END $$
"""
SLOW_SETTLEMENT = """
CREATE TRIGGER slow BEFORE UPDATE OF state ON sender.attempts FOR EACH ROW EXECUTE FUNCTION sender.sleep()
"""
CUT_SHORT = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


async def test_postgres_away_is_unavailable_and_what_was_acknowledged_is_there_when_it_returns(
    caller: Caller, sender: Sender, domain: Domain, postgres: Postgres
) -> None:
    await sender.set_account(state="PAUSED")
    probed = free_port()
    before = [await caller.send(f"agent@{domain.name}", request_id=str(number)) for number in range(5)]

    async with sender.start(server=replace(sender.settings.server, health_port=probed)):
        postgres.kill()
        late = a_request(f"agent@{domain.name}", request_id="late")
        refusal = await refused(caller.emails.SendEmail(late))
        alive = await serves(probed, "liveness")
        postgres.restart()

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
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


async def test_postgres_killed_while_emails_are_posted_loses_and_doubles_nothing(
    caller: Caller, sender: Sender, domain: Domain, postgres: Postgres
) -> None:
    """SES answers slowly, so that Postgres dies between POST and settlement."""
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


async def test_a_settlement_that_takes_postgres_too_long_is_made_again(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """SES refused for certain: given up, it would count as an answer that was lost, and be held."""
    await database.execute(SLEEP)
    await database.execute(SLOW_SETTLEMENT)
    await sender.fault("throttle", count=1)
    email = await caller.send(f"agent@{domain.name}")

    await eventually(lambda: database.fetch(CUT_SHORT))
    await database.execute("DROP TRIGGER slow ON sender.attempts")

    sent = await becomes(caller, email, State.STATE_SENT)
    assert State.STATE_UNKNOWN not in [each.state for each in sent.history]


async def test_nats_away_stops_no_email_and_its_events_come_after(
    caller: Caller, sender: Sender, domain: Domain, nats_server: NatsServer
) -> None:
    nats_server.kill()

    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
    nats_server.restart()

    [event] = await sender.events("email.sent")
    assert event["data"]["email"]["id"] == email.id
