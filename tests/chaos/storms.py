"""Random kills: of copies of the sender while they work, and now and then of another service."""

import asyncio
import platform
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from cli.supervisor import Part
from services import with_grpc
from tests.chaos.nursery import Nursery
from tests.e2e.conftest import World

GAP = (0.005, 0.060)  # seconds between two kills while any sender is at work
OTHERS_EVERY = 12  # kills of senders per kill of another service
POLL_SECONDS = 0.01
LONGEST = timedelta(minutes=10)

# A sender that has opened an attempt recently is at work. Those that have died since are not in the nursery.
AT_WORK = """
    SELECT worker FROM sender.attempts WHERE opened_at > now() - interval '20 seconds'
    GROUP BY worker HAVING count(*) FILTER (WHERE started) >= $1
"""
OPEN = "SELECT id, started FROM sender.attempts WHERE worker = $1 AND state = 'OPEN'"
# A new process takes long to post its first email, so some kills require this many started attempts.
ATTEMPTS_STARTED = (0, 1, 2, 3)


@dataclass
class Storm:
    """The kills of a storm."""

    senders: int = 0
    with_open_attempt: int = 0
    with_started_attempt: int = 0
    attempts: set[str] = field(default_factory=set)  # ids of those left open
    others: int = 0

    def __str__(self) -> str:
        return (
            f"{self.senders} kills of senders, {self.with_open_attempt} of them with an open attempt"
            f" ({self.with_started_attempt} with a started one),"
            f" and {self.others} of other services"
        )


async def blow(
    world: World, senders: Nursery, connection: asyncpg.Connection, *, seed: int, kills: int
) -> Storm:
    """Kill until this many senders at work have died, or LONGEST is over."""
    storm = Storm()
    end = time.monotonic() + LONGEST.total_seconds()
    chance = random.Random(seed)  # noqa: S311 - not a secret
    names = [each.name for each in with_grpc() if each.name != "sender"]
    others = [part for name in names for part in world.stack.replicas_of(name)]
    while storm.senders < kills and time.monotonic() < end:
        await asyncio.sleep(chance.uniform(*GAP))
        if storm.senders % OTHERS_EVERY == OTHERS_EVERY - 1:
            _strike_another(storm, others, chance)
        await _strike_a_sender(storm, senders, connection, chance)
    return storm


def _strike_another(storm: Storm, others: Sequence[Part], chance: random.Random) -> None:
    part = chance.choice(others)
    with suppress(ProcessLookupError):  # it is just exiting
        if part.pid:
            part.kill()
            storm.others += 1


async def _strike_a_sender(
    storm: Storm, senders: Nursery, connection: asyncpg.Connection, chance: random.Random
) -> None:
    started = chance.choice(ATTEMPTS_STARTED)
    names = {f"{platform.node()}:{pid}": copy for copy, pid in senders.pids.items()}
    at_work = sorted(
        names[row["worker"]] for row in await connection.fetch(AT_WORK, started) if row["worker"] in names
    )
    if not at_work:
        await asyncio.sleep(POLL_SECONDS)
        return
    pid = senders.kill(chance.choice(at_work))
    storm.senders += 1
    left_open = await connection.fetch(OPEN, f"{platform.node()}:{pid}")
    storm.with_open_attempt += bool(left_open)
    storm.with_started_attempt += any(row["started"] for row in left_open)
    storm.attempts |= {str(row["id"]) for row in left_open}
