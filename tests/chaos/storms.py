"""Kills at random: copies of the sender while they work, and now and then one of the other services."""

import asyncio
import platform
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from cli.processes import Part
from tests.chaos.nursery import Nursery
from tests.e2e.conftest import World

GAP = (0.005, 0.060)  # seconds between two kills, as long as somebody is at work
OTHERS_EVERY = 12  # one kill in so many strikes another service
LOOK_SECONDS = 0.01
LONGEST = timedelta(minutes=10)

# Who has opened an attempt of late is at work; who has died since is no longer in the nursery.
AT_WORK = """
    SELECT worker FROM sender.attempts WHERE opened_at > now() - interval '20 seconds'
    GROUP BY worker HAVING count(*) FILTER (WHERE begun) >= $1
"""
OPEN = "SELECT id, begun FROM sender.attempts WHERE worker = $1 AND state = 'OPEN'"
# A new process takes long over its first email, before it posts it; so some are spared until they have begun.
EMAILS_BEGUN = (0, 1, 2, 3)


@dataclass
class Storm:
    """What was struck."""

    senders: int = 0
    with_open_attempt: int = 0
    with_begun_attempt: int = 0
    attempts: set[str] = field(default_factory=set)  # that were open, by id
    others: int = 0

    def __str__(self) -> str:
        return (
            f"{self.senders} kills of senders, {self.with_open_attempt} of them with an open attempt"
            f" ({self.with_begun_attempt} with one that had begun),"
            f" and {self.others} of identity, verifier and webhooks"
        )


async def blow(
    world: World, senders: Nursery, connection: asyncpg.Connection, *, seed: int, kills: int
) -> Storm:
    """Kills until that many senders have died at work, or for as long as a storm may last."""
    storm = Storm()
    end = time.monotonic() + LONGEST.total_seconds()
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    others = [part for name in ("identity", "verifier", "webhooks") for part in world.stack.replicas_of(name)]
    while storm.senders < kills and time.monotonic() < end:
        await asyncio.sleep(chance.uniform(*GAP))
        if storm.senders % OTHERS_EVERY == OTHERS_EVERY - 1:
            _strike_another(storm, others, chance)
        await _strike_a_sender(storm, senders, connection, chance)
    return storm


def _strike_another(storm: Storm, others: Sequence[Part], chance: random.Random) -> None:
    part = chance.choice(others)
    with suppress(ProcessLookupError):  # it is ending just now
        if part.pid:
            part.kill()
            storm.others += 1


async def _strike_a_sender(
    storm: Storm, senders: Nursery, connection: asyncpg.Connection, chance: random.Random
) -> None:
    begun = chance.choice(EMAILS_BEGUN)
    names = {f"{platform.node()}:{pid}": copy for copy, pid in senders.pids.items()}
    at_work = sorted(
        names[row["worker"]] for row in await connection.fetch(AT_WORK, begun) if row["worker"] in names
    )
    if not at_work:
        await asyncio.sleep(LOOK_SECONDS)
        return
    pid = senders.kill(chance.choice(at_work))
    storm.senders += 1
    left_open = await connection.fetch(OPEN, f"{platform.node()}:{pid}")
    storm.with_open_attempt += bool(left_open)
    storm.with_begun_attempt += any(row["begun"] for row in left_open)
    storm.attempts |= {str(row["id"]) for row in left_open}
