"""Senders are killed at random while SES throttles, fails after it accepted, and does not answer."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.conftest import Scale
from tests.chaos.load import Load, a_load
from tests.chaos.nursery import Nursery
from tests.chaos.shimmed import shimmed
from tests.chaos.storms import Storm, blow
from tests.chaos.truth import accepted_of, at_rest, database, truth
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(2400)]

COPIES = 6
RATE = 0.03
FAULTS = ("throttle", "accept_then_500", "accept_then_silent")
# SES's answers are held back for so long: the email is accepted, and the sender does not know.
ANSWERS_TAKE = (0.005, 0.150)
# The last lease (25 s), the window and the rounds in between.
REST_WITHIN = timedelta(seconds=180)


async def _ses_goes_wrong(world: World) -> None:
    for kind in FAULTS:
        fault = {"operation": "SendEmail", "kind": kind, "rate": RATE}
        await world.sandbox.call("POST", "/ses/faults", fault)


async def _weather(
    world: World, senders: Nursery, load: Load, *, seed: int, emails: int, kills: int
) -> Storm:
    """Asks for that many emails, and goes on asking until the storm is over."""
    connection = await database(world)
    trickle = asyncio.create_task(_ask_on(load, emails))
    try:
        return await blow(world, senders, connection, seed=seed, kills=kills)
    finally:
        await eventually(lambda: len(load.acknowledged) >= emails, REST_WITHIN)
        trickle.cancel()
        await asyncio.gather(trickle, return_exceptions=True)
        await connection.close()


async def _ask_on(load: Load, emails: int) -> None:
    await load.many(emails)
    await load.trickle()


@pytest.mark.parametrize("lost_events", [0.0, 0.01], ids=["every event comes", "1 % of Send events are lost"])
async def test_a_storm_of_kills_loses_nothing_and_sends_nothing_twice(  # noqa: PLR0917 - fixtures
    faults: World, workspace: Path, scale: Scale, seed: int, figure: Figure, lost_events: float
) -> None:
    await _ses_goes_wrong(faults)
    if lost_events:
        lost = {"kind": "drop", "event_type": "Send", "rate": lost_events}
        await faults.sandbox.call("POST", "/events/faults", lost)
    emails, kills = scale.of(150, 1200), scale.of(30, 500)
    home = workspace / f"storm-{lost_events}"
    async with (
        shimmed(faults, "sender", home, copies=COPIES, LETTERHEAD_SES_THREADS="1") as (senders, shims),
        a_load(faults, senders.addresses) as load,
    ):
        shims.aws.delay = ANSWERS_TAKE
        storm = await _weather(faults, senders, load, seed=seed, emails=emails, kills=kills)
        await eventually(lambda: at_rest(faults, load.ids), REST_WITHIN)
        verdict = await truth(faults, load.ids)
        unknowing = await accepted_of(faults, storm.attempts)

    figure(
        f"storm, seed {seed}, {lost_events:.0%} of Send events lost: {storm}, of which SES had accepted"
        f" {unknowing}; {verdict}"
    )
    assert verdict.clean, verdict
    assert storm.senders == kills
