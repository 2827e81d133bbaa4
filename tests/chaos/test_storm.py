"""Senders are killed at random while SES throttles, fails after it has accepted, or does not answer."""

from datetime import timedelta
from pathlib import Path

import pytest

from letterhead.sender.v1.emails_pb2 import OnUnknown
from tests.chaos.conftest import Scale
from tests.chaos.load import a_load
from tests.chaos.outcomes import Outcome, accepted_of, all_settled, database, longest_lease, outcome_of
from tests.chaos.shimmed import shimmed
from tests.chaos.storms import blow
from tests.chaos.weather import ANSWERS_TAKE, COPIES, asking, ses_goes_wrong
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(7200)]

# The rest of the queue, then the last lease (25 s), the window, and the periodic tasks in between.
REST_WITHIN = timedelta(minutes=15)  # only against hanging
SEND_IS_LOST = {"kind": "drop", "event_type": "Send", "rate": 0.01}
MOST_TWICE = 0.005


async def _storm(
    world: World, home: Path, scale: Scale, seed: int, on_unknown: "OnUnknown.ValueType"
) -> tuple[str, Outcome]:
    """Run one storm; return a description of it and the verdict."""
    connection = await database(world)
    async with (
        shimmed(world, "sender", home, copies=COPIES, LETTERHEAD_SES_THREADS="1") as (senders, shims),
        a_load(world, senders.addresses, on_unknown=on_unknown) as load,
    ):
        shims.aws.delay = ANSWERS_TAKE
        async with asking(load, scale.of(150, 1200)):
            storm = await blow(world, senders, connection, seed=seed, kills=scale.of(30, 500))
        await connection.close()
        await eventually(lambda: all_settled(world, load.ids), REST_WITHIN)
        accepted = await accepted_of(world, storm.attempts)
        longest = await longest_lease(world, load.ids)
        description = (
            f"{storm}; SES had accepted {accepted} of those attempts;"
            f" no email was SENDING for longer than {longest.total_seconds():.1f} s"
        )
        return description, await outcome_of(world, load.ids)


async def test_no_email_is_lost_or_sent_twice_in_a_storm_of_kills(
    faults: World, workspace: Path, scale: Scale, seed: int, figure: Figure
) -> None:
    await ses_goes_wrong(faults)

    description, outcome = await _storm(faults, workspace / "storm", scale, seed, OnUnknown.ON_UNKNOWN_HOLD)

    figure(f"storm, seed {seed}: {description}; {outcome}")
    assert outcome.clean, outcome


@pytest.mark.long
async def test_no_email_is_lost_or_sent_twice_in_a_storm_that_also_loses_events(
    faults: World, workspace: Path, scale: Scale, seed: int, figure: Figure
) -> None:
    await ses_goes_wrong(faults)
    await faults.sandbox.call("POST", "/events/faults", SEND_IS_LOST)

    description, outcome = await _storm(
        faults, workspace / "storm-without-events", scale, seed, OnUnknown.ON_UNKNOWN_HOLD
    )

    figure(f"storm, seed {seed}, 1 % of Send events lost: {description}; {outcome}")
    assert outcome.clean, outcome


@pytest.mark.long
async def test_few_emails_with_resend_are_sent_twice_in_a_storm_that_also_loses_events(
    faults: World, workspace: Path, scale: Scale, seed: int, figure: Figure
) -> None:
    await ses_goes_wrong(faults)
    await faults.sandbox.call("POST", "/events/faults", SEND_IS_LOST)

    description, outcome = await _storm(
        faults, workspace / "storm-with-resend", scale, seed, OnUnknown.ON_UNKNOWN_RESEND
    )

    share = len(outcome.twice) / outcome.emails
    figure(
        f"storm, seed {seed}, RESEND, 1 % of Send events lost: {description}; {outcome}; {share:.2%} twice"
    )
    assert outcome.honest, outcome
    assert share <= MOST_TWICE
