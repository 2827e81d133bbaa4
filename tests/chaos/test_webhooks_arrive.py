"""The deliverer and Postgres are killed and NATS is wiped while events are posted to fifty endpoints."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.conftest import Scale
from tests.chaos.endpoints import Arrived, Endpoints, new_endpoints
from tests.chaos.nursery import Nursery, nursery
from tests.chaos.outcomes import database
from tests.e2e.conftest import World, a_world
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(3600)]

Strike = Callable[[], Awaitable[None]]

MANY_ENDPOINTS = {"LETTERHEAD_ENDPOINTS_PER_TENANT": "1000"}
BRIEF_TIMEOUT = {"LETTERHEAD_WEBHOOK_TIMEOUT": "5"}
LONGEST_GAP = 0.5  # seconds from when the deliverer is at work until it is struck
AT_WORK_WITHIN = timedelta(minutes=5)  # only against hanging: after NATS is wiped, events are published again

SABOTAGE = """
    CREATE FUNCTION deliverer.sabotage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
    CREATE TRIGGER sabotage BEFORE {when} ON deliverer.messages
    FOR EACH ROW EXECUTE FUNCTION deliverer.sabotage()
"""
REPAIR = "DROP FUNCTION deliverer.sabotage CASCADE"
# As it is leased, a message is DELIVERED.
MARKED_BEFORE_POSTED = {
    "when": "UPDATE OF leased_until",
    "body": "IF NEW.leased_until > now() THEN NEW.state := 'DELIVERED'; END IF; RETURN NEW;",
}
# The inbox has the event, but one message in ten is left out, as if the process had died before it.
ACKNOWLEDGED_BEFORE_STORED = {
    "when": "INSERT",
    "body": "RETURN CASE WHEN hashtext(NEW.id::text) % 10 <> 0 THEN NEW END;",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hooked(workspace: Path) -> AsyncIterator[World]:
    """Yield an installation of its own: NATS is wiped, and a tenant has more endpoints than usual."""
    async with a_world(
        workspace / "webhooks-arrive", 1, webhooks=MANY_ENDPOINTS, deliverer=BRIEF_TIMEOUT
    ) as world:
        yield world


async def drilled(
    world: World, home: Path, seed: int, *, events: int, kills: int, postgres: int = 0, wipes: int = 0
) -> Arrived:
    """Publish events while the deliverer, Postgres and NATS are struck; return what arrived."""
    endpoints = await new_endpoints(world)
    async with nursery(world, "deliverer", home) as deliverers:
        strikes: list[Strike] = [
            *[lambda: _kill(deliverers, endpoints)] * kills,
            *[lambda: _restart_postgres(world, endpoints)] * postgres,
            *[lambda: _wipe_nats(world)] * wipes,
        ]
        await _strike(endpoints, strikes, seed, events)
        arrived = await endpoints.arrived()
    await endpoints.delete()
    return arrived


async def _strike(endpoints: Endpoints, strikes: list[Strike], seed: int, events: int) -> None:
    """Publish a share of the events before each strike, and strike while they are posted."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    chance.shuffle(strikes)
    for number, strike in enumerate(strikes, start=1):
        await endpoints.publish(events * number // len(strikes) - len(endpoints.emails))
        await eventually(endpoints.at_work, AT_WORK_WITHIN)
        await asyncio.sleep(chance.uniform(0, LONGEST_GAP))
        await strike()


async def _kill(deliverers: Nursery, endpoints: Endpoints) -> None:
    deliverers.kill(0)
    await eventually(lambda: 0 in deliverers.pids)
    await endpoints.expire_leases()


async def _restart_postgres(world: World, endpoints: Endpoints) -> None:
    world.stack.postgres.kill()
    world.stack.postgres.restart()
    await endpoints.expire_leases()


async def _wipe_nats(world: World) -> None:
    world.stack.nats.wipe()


@asynccontextmanager
async def sabotaged(world: World, *, when: str, body: str) -> AsyncIterator[None]:
    """Break the deliverer with a trigger on its messages."""
    connection = await database(world)
    await connection.execute(SABOTAGE.format(when=when, body=body))
    try:
        yield
    finally:
        await connection.execute(REPAIR)
        await connection.close()


async def test_every_event_arrives_at_every_endpoint_that_behaves(
    hooked: World, workspace: Path, scale: Scale, seed: int, figure: Figure
) -> None:
    kills, postgres, wipes = scale.of(4, 100), scale.of(1, 10), scale.of(1, 10)

    arrived = await drilled(
        hooked,
        workspace / "drilled",
        seed,
        events=scale.of(20, 400),
        kills=kills,
        postgres=postgres,
        wipes=wipes,
    )

    struck = f"{kills} kills of the deliverer, {postgres} of Postgres, NATS wiped {wipes} times"
    figure(f"webhooks, seed {seed}, {struck}: {arrived}")
    assert arrived.clean, arrived


async def test_the_harness_detects_a_deliverer_that_marks_messages_before_it_posts_them(
    hooked: World, workspace: Path, seed: int, figure: Figure
) -> None:
    async with sabotaged(hooked, **MARKED_BEFORE_POSTED):
        arrived = await drilled(hooked, workspace / "marked", seed, events=12, kills=4)

    figure(f"broken, DELIVERED before it is posted, seed {seed}, 4 kills: {arrived}")
    assert arrived.lost


async def test_the_harness_detects_a_deliverer_that_acknowledges_events_before_it_stores_them(
    hooked: World, workspace: Path, seed: int, figure: Figure
) -> None:
    async with sabotaged(hooked, **ACKNOWLEDGED_BEFORE_STORED):
        arrived = await drilled(hooked, workspace / "acknowledged", seed, events=4, kills=1)

    figure(f"broken, events acknowledged before they are stored, seed {seed}, 1 kill: {arrived}")
    assert arrived.lost
