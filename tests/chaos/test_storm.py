"""Senders are killed at random while SES throttles, fails after it accepted, and does not answer."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.conftest import Scale
from tests.chaos.load import a_load
from tests.chaos.shimmed import shimmed
from tests.chaos.storms import blow
from tests.chaos.truth import Truth, accepted_of, at_rest, database, truth
from tests.chaos.weather import ANSWERS_TAKE, COPIES, asking, ses_goes_wrong
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(2400)]

# What still queues, then the last lease (25 s), the window and the rounds in between.
REST_WITHIN = timedelta(minutes=5)


async def _storm(world: World, home: Path, scale: Scale, seed: int) -> tuple[str, Truth]:
    """Blows once; gives what was struck, in words, and the verdict."""
    connection = await database(world)
    async with (
        shimmed(world, "sender", home, copies=COPIES, LETTERHEAD_SES_THREADS="1") as (senders, shims),
        a_load(world, senders.addresses) as load,
    ):
        shims.aws.delay = ANSWERS_TAKE
        async with asking(load, scale.of(150, 1200)):
            storm = await blow(world, senders, connection, seed=seed, kills=scale.of(30, 500))
        await connection.close()
        await eventually(lambda: at_rest(world, load.ids), REST_WITHIN)
        unknowing = await accepted_of(world, storm.attempts)
        return f"{storm}; of those attempts SES had accepted {unknowing}", await truth(world, load.ids)


async def test_a_storm_of_kills_loses_nothing_and_sends_nothing_twice(
    faults: World, workspace: Path, scale: Scale, seed: int, figure: Figure
) -> None:
    await ses_goes_wrong(faults)

    struck, verdict = await _storm(faults, workspace / "storm", scale, seed)

    figure(f"storm, seed {seed}: {struck}; {verdict}")
    assert verdict.clean, verdict


@pytest.mark.long
async def test_a_storm_that_also_loses_events_sends_nothing_twice(
    faults: World, workspace: Path, scale: Scale, seed: int, figure: Figure
) -> None:
    await ses_goes_wrong(faults)
    lost = {"kind": "drop", "event_type": "Send", "rate": 0.01}
    await faults.sandbox.call("POST", "/events/faults", lost)

    struck, verdict = await _storm(faults, workspace / "deaf-storm", scale, seed)

    figure(f"storm, seed {seed}, 1 % of Send events lost: {struck}; {verdict}")
    assert verdict.clean, verdict
