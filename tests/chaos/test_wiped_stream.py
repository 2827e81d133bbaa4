"""NATS loses its disk with a hundred thousand unread events, and all of them are published again."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import nats
import pytest
from nats.js.errors import NotFoundError

from chassis.events.authorization import SUBSCRIBER
from chassis.events.stream import credentials
from tests.chaos.outcomes import database
from tests.chaos.streams import holds
from tests.e2e.conftest import World, a_world
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1200), pytest.mark.long]

EVENTS = 100_000
WITHIN = timedelta(minutes=8)
POLL_SECONDS = 0.5  # long enough for polling not to be a load itself
# Events of a kind that no service consumes, so that they stay unread.
WRITE = """
    INSERT INTO sender.outbox (id, subject, source, resource, tenant_id, data, schema_name, occurred_at)
    SELECT
        gen_random_uuid(), 'email.held', '/letterhead/sender', resource, tenant_id, data, schema_name, now()
    FROM (SELECT * FROM identity.outbox LIMIT 1) AS any_event, generate_series(1, $1)
"""


async def _unpublished(world: World) -> int:
    connection = await database(world)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM sender.outbox WHERE published_at IS NULL"))
    finally:
        await connection.close()


async def test_all_unread_events_are_published_again_after_the_stream_was_wiped(
    workspace: Path, figure: Figure
) -> None:
    async with a_world(workspace / "wiped", 1) as world:
        connection = await database(world)
        await connection.execute(WRITE, EVENTS)
        rows = await connection.fetch("SELECT id FROM sender.outbox WHERE subject = 'email.held'")
        written = {str(row["id"]) for row in rows}
        await eventually(lambda: _all_published(world), WITHIN)

        world.stack.nats.wipe()
        back = time.monotonic()
        await eventually(lambda: _refilled(world), WITHIN)
        seconds = time.monotonic() - back
        await eventually(lambda: holds(world, written), WITHIN)
        await connection.close()

    figure(f"NATS wiped with {EVENTS:,} unread events: all in the stream again after {seconds:.1f} s")


async def _all_published(world: World) -> bool:
    await asyncio.sleep(POLL_SECONDS)
    return await _unpublished(world) == 0


async def _refilled(world: World) -> bool:
    await asyncio.sleep(POLL_SECONDS)
    client = await nats.connect(**credentials(world.installation.wire, SUBSCRIBER))
    try:
        stream = await client.jetstream().stream_info(world.installation.nats_stream)
    except NotFoundError:
        return False
    finally:
        await client.close()
    return stream.state.messages >= EVENTS
