"""Postgres is killed in the middle of commits, NATS is killed and wiped, both under load."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.conftest import Scale, a_chaotic_world
from tests.chaos.load import Load, a_load
from tests.chaos.shim import Moment
from tests.chaos.shimmed import Shims, shimmed
from tests.chaos.streams import holds
from tests.chaos.truth import at_rest, database, truth
from tests.chaos.weather import asking
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1800)]

COMMITS = ("commit of move_emails", "accept_emails", "commit of write_events")
RECOVERED_WITHIN = timedelta(seconds=30)
REST_WITHIN = timedelta(seconds=120)
SCHEMAS = ("identity", "verifier", "sender", "webhooks")


async def _kill_postgres(world: World, shims: Shims, load: Load, *, commit: str, moment: Moment) -> float:
    """Kills Postgres around a commit; gives the seconds from its start to the next acknowledged email."""
    point = shims.postgres.arm(commit, moment, world.stack.postgres.kill)
    await asyncio.wait_for(point.struck.wait(), RECOVERED_WITHIN.total_seconds())
    acknowledged = len(load.acknowledged)
    world.stack.postgres.restart()
    back = time.monotonic()
    await eventually(lambda: len(load.acknowledged) > acknowledged, RECOVERED_WITHIN)
    return time.monotonic() - back


async def test_postgres_killed_in_commits_loses_nothing_acknowledged(
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
        await eventually(lambda: at_rest(chaotic, load.ids), REST_WITHIN)
        verdict = await truth(chaotic, load.ids)

    figure(f"Postgres killed {kills} times in commits: acknowledging again {_spread(seconds)}; {verdict}")
    assert verdict.clean, verdict


async def _wipe_nats(world: World) -> float:
    """Wipes NATS; gives the seconds until every event there was is in the stream again."""
    before = await _event_ids(world)
    world.stack.nats.wipe()
    back = time.monotonic()
    await eventually(lambda: holds(world, before), RECOVERED_WITHIN)
    return time.monotonic() - back


async def test_nats_killed_and_wiped_loses_no_event_and_doubles_no_effect(
    workspace: Path, scale: Scale, figure: Figure
) -> None:
    wipes = scale.of(2, 50)
    # An installation of its own: what others did in it before would be told again after each wipe.
    async with (
        a_chaotic_world(workspace / "wiped-often") as world,
        a_load(world, world.stack.addresses["sender"].split(",")) as load,
    ):
        async with asking(load, 20):
            seconds = [await _wipe_nats(world) for _ in range(wipes)]
        await eventually(lambda: at_rest(world, load.ids), REST_WITHIN)
        verdict = await truth(world, load.ids)
        repeated = await _moved_twice(world, load)

    figure(
        f"NATS killed and wiped {wipes} times: every event there again {_spread(seconds)};"
        f" {repeated} doubled effects; {verdict}"
    )
    assert verdict.clean, verdict
    assert repeated == 0


def _spread(seconds: Sequence[float]) -> str:
    return f"after {statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (most)"


async def _event_ids(world: World) -> set[str]:
    """The ids of every event that the outboxes keep."""
    connection = await database(world)
    try:
        rows = [await connection.fetch(f"SELECT id FROM {schema}.outbox") for schema in SCHEMAS]  # noqa: S608
    finally:
        await connection.close()
    return {str(row["id"]) for each in rows for row in each}


async def _moved_twice(world: World, load: Load) -> int:
    """How many emails entered one state twice, told by their history."""
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
