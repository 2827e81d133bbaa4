"""Whatever fails between sender and SES, each attempt is posted once, and no state is false."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.conftest import Scale
from tests.chaos.load import Load, a_load
from tests.chaos.outcomes import all_settled, all_submitted, outcome_of
from tests.chaos.shim import Moment
from tests.chaos.shimmed import Shims, shimmed
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

BY_SES = (
    "accept_then_500", "accept_then_silent", "accept_then_reset", "half_answer",
    "error_500", "error_503", "throttle", "reset_before",
)  # fmt: skip
STRUCK_WITHIN = timedelta(seconds=30)
SUBMITTED_WITHIN = timedelta(minutes=5)  # only against hanging
REST_WITHIN = timedelta(minutes=10)


async def _by_ses(world: World, load: Load, kind: str) -> None:
    fault = {"operation": "SendEmail", "kind": kind, "count": 1}
    await world.sandbox.call("POST", "/ses/faults", fault)
    await load.many(1)
    # A fault that has not been used yet would affect another request.
    await eventually(lambda: all_submitted(world, load.ids), SUBMITTED_WITHIN)


async def _by_shim(shims: Shims, load: Load, moment: Moment) -> None:
    """Cut the connection at this moment of one email's POST."""
    point = shims.aws.arm("SendEmail", moment, lambda: None)
    await load.many(1)
    await asyncio.wait_for(point.struck.wait(), STRUCK_WITHIN.total_seconds())


async def test_each_attempt_is_posted_once_whatever_the_network_does(
    faults: World, workspace: Path, scale: Scale, figure: Figure
) -> None:
    async with (
        shimmed(faults, "sender", workspace / "wire") as (senders, shims),
        a_load(faults, senders.addresses) as load,
    ):
        for _ in range(scale.of(1, 20)):
            for moment in Moment:
                await _by_shim(shims, load, moment)
            for kind in BY_SES:
                await _by_ses(faults, load, kind)
        await eventually(lambda: all_settled(faults, load.ids), REST_WITHIN)
        outcome = await outcome_of(faults, load.ids)

    figure(f"{len(BY_SES) + len(Moment)} faults between sender and SES: {outcome}")
    assert outcome.clean, outcome
