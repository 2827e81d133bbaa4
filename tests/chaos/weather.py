"""What a storm consists of besides kills: an SES that goes wrong, and emails asked for meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tests.chaos.load import Load
from tests.e2e.conftest import World
from tests.waiting import eventually

COPIES = 6
RATE = 0.03
FAULTS = ("throttle", "accept_then_500", "accept_then_silent")
# SES's answers are held back for so long: the email is accepted, and the sender does not know.
ANSWERS_TAKE = (0.005, 0.150)
ASKED_WITHIN = timedelta(minutes=5)


async def ses_goes_wrong(world: World) -> None:
    """Three calls in a hundred are throttled, as many accepted and then failed, as many never answered."""
    for kind in FAULTS:
        fault = {"operation": "SendEmail", "kind": kind, "rate": RATE}
        await world.sandbox.call("POST", "/ses/faults", fault)


@asynccontextmanager
async def asking(load: Load, emails: int) -> AsyncIterator[None]:
    """Asks for that many emails, and goes on asking until the block ends."""
    task = asyncio.create_task(_ask_on(load, emails))
    try:
        yield
        await eventually(lambda: len(load.acknowledged) >= emails, ASKED_WITHIN)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _ask_on(load: Load, emails: int) -> None:
    await load.many(emails)
    await load.trickle()
