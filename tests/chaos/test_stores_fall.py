"""Postgres is killed during commits, and NATS is killed and wiped, both under load."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from services import schemas
from tests.chaos.conftest import Scale, a_chaotic_world
from tests.chaos.load import Load, a_load
from tests.chaos.outcomes import all_settled, database, outcome_of
from tests.chaos.shim import Moment
from tests.chaos.shimmed import Shims, shimmed
from tests.chaos.streams import holds
from tests.chaos.weather import asking
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1800)]

COMMITS = ("commit of move_emails", "accept_emails", "commit of write_events")
RECOVERED_WITHIN = timedelta(seconds=30)
REST_WITHIN = timedelta(minutes=10)  # only against hanging


async def _kill_postgres(world: World, shims: Shims, load: Load, *, commit: str, moment: Moment) -> float:
    """Kill Postgres around a commit; return the seconds from its restart to the next acknowledged email."""
    point = shims.postgres.arm(commit, moment, world.stack.postgres.kill)
    await asyncio.wait_for(point.struck.wait(), RECOVERED_WITHIN.total_seconds())
    acknowledged = len(load.acknowledged)
    world.stack.postgres.restart()
    back = time.monotonic()
    await eventually(lambda: len(load.acknowledged) > acknowledged, RECOVERED_WITHIN)
    return time.monotonic() - back


async def test_no_acknowledged_email_is_lost_when_postgres_is_killed_during_commits(
    chaotic: World, workspace: Path, scale: Scale, figure: Figure
) -> None:
    kinds = [(commit, moment) for commit in COMMITS for moment in (Moment.BEFORE, Moment.UNANSWERED)]
    kills = scale.of(len(kinds), 50)
    async with (
        shimmed(chaotic, "sender", workspace / "postgres-falls") as (senders, shims),
        a_load(chaotic, senders.addresses) as load,
    ):
        async with asking(load, 20):
            seconds = [
                await _kill_postgres(chaotic, shims, load, commit=commit, moment=moment)
                for commit, moment in (kinds[number % len(kinds)] for number in range(kills))
            ]
        await eventually(lambda: all_settled(chaotic, load.ids), REST_WITHIN)
        outcome = await outcome_of(chaotic, load.ids)

    figure(f"Postgres killed {kills} times in commits: next email acknowledged {_spread(seconds)}; {outcome}")
    assert outcome.clean, outcome


async def _wipe_nats(world: World) -> float:
    """Wipe NATS and return the seconds until all earlier events are in the stream again."""
    before = await _event_ids(world)
    world.stack.nats.wipe()
    back = time.monotonic()
    await eventually(lambda: holds(world, before), RECOVERED_WITHIN)
    return time.monotonic() - back


async def test_no_event_is_lost_or_applied_twice_when_nats_is_killed_and_wiped(
    workspace: Path, scale: Scale, figure: Figure
) -> None:
    wipes = scale.of(2, 50)
    # A separate installation, because each wipe republishes the events of earlier tests too.
    async with (
        a_chaotic_world(workspace / "wiped-often") as world,
        a_load(world, world.stack.addresses["sender"].split(",")) as load,
    ):
        async with asking(load, 20):
            seconds = [await _wipe_nats(world) for _ in range(wipes)]
        await eventually(lambda: all_settled(world, load.ids), REST_WITHIN)
        outcome = await outcome_of(world, load.ids)
        repeated = await _moved_twice(world, load)

    figure(
        f"NATS killed and wiped {wipes} times: every event in the stream again {_spread(seconds)};"
        f" {repeated} effects applied twice; {outcome}"
    )
    assert outcome.clean, outcome
    assert repeated == 0


def _spread(seconds: Sequence[float]) -> str:
    return f"after {statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (maximum)"


async def _event_ids(world: World) -> set[str]:
    """Return the ids of all events in the outboxes."""
    connection = await database(world)
    try:
        rows = [await connection.fetch(f"SELECT id FROM {schema}.outbox") for schema in schemas()]  # noqa: S608
    finally:
        await connection.close()
    return {str(row["id"]) for each in rows for row in each}


async def _moved_twice(world: World, load: Load) -> int:
    """Return how many emails became SENT twice, according to their history."""
    connection = await database(world)
    try:
        rows = await connection.fetch(
            "SELECT email_id FROM sender.email_transitions WHERE email_id = ANY ($1::uuid[])"
            " AND to_state = 'SENT' GROUP BY email_id HAVING count(*) > 1",
            load.ids,
        )
    finally:
        await connection.close()
    return len(rows)
