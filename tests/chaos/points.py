"""Named points of a service's work, and a kill at each: before a request, before its answer, after it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from typing import Any, TypeAlias

from tests.chaos.nursery import Nursery
from tests.chaos.shim import Moment
from tests.chaos.shimmed import Shims

KillPoint: TypeAlias = tuple[str, Moment]
Stir: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

UNANSWERED = frozenset({"ack"})  # has no answer, so only the moment before it exists
REACHED_WITHIN = timedelta(minutes=5)  # only against hanging: a busy machine restarts slowly
LOG_LINES = 60  # of the victim, shown when a point is not reached


def points(*names: str) -> list[KillPoint]:
    """Return all kill points of these requests."""
    return [
        (name, moment)
        for name in names
        for moment in Moment
        if moment is Moment.BEFORE or name not in UNANSWERED
    ]


async def kill_at(points: Iterable[KillPoint], victims: Nursery, shims: Shims, stir: Stir) -> int:
    """Kill the victim once at each point, with `stir` giving it work; return the number of kills."""
    kills = 0
    for name, moment in points:
        await _kill_once(name, moment, victims, shims, stir)
        kills += 1
    return kills


async def _kill_once(name: str, moment: Moment, victims: Nursery, shims: Shims, stir: Stir) -> None:
    point = shims.of(name).arm(name, moment, lambda: victims.kill(0))
    async with asyncio.TaskGroup() as group:
        group.create_task(_reached(point.struck, name, victims, shims))
        group.create_task(stir())


async def _reached(struck: asyncio.Event, name: str, victims: Nursery, shims: Shims) -> None:
    try:
        await asyncio.wait_for(struck.wait(), REACHED_WITHIN.total_seconds())
    except TimeoutError:
        seen = sorted(shims.of(name).seen)
        log = "\n".join(victims.log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        raise AssertionError(f"{name} was not reached; requests seen: {seen}; the log ends:\n{log}") from None
