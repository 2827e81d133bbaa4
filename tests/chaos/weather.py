"""The rest of a storm besides the kills: SES faults, and requests for emails meanwhile."""

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
# Delay of SES's answers in seconds, during which the email is accepted but the sender does not know it.
ANSWERS_TAKE = (0.005, 0.150)
ASKED_WITHIN = timedelta(minutes=5)


async def ses_goes_wrong(world: World) -> None:
    """Make SES throttle 3 % of the calls, fail 3 % after accepting them, and leave 3 % unanswered."""
    for kind in FAULTS:
        fault = {"operation": "SendEmail", "kind": kind, "rate": RATE}
        await world.sandbox.call("POST", "/ses/faults", fault)


@asynccontextmanager
async def asking(load: Load, emails: int) -> AsyncIterator[None]:
    """Request this many emails, and then more until the context closes."""
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
