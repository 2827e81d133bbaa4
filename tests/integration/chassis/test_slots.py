"""Slots of a shared key are an interval apart in all processes, and waiting for one ends on shutdown."""

import asyncio
import time
from datetime import timedelta
from itertools import pairwise

from chassis.bucket import RateBucket
from chassis.database import Database
from chassis.slots import TRIES, Slots
from tests.stores import FreshDatabase
from tests.waiting import eventually

LONG = timedelta(minutes=1)
TOLERANCE = timedelta(milliseconds=80)


def slots_of(
    database: Database,
    interval: timedelta,
    *,
    patience: timedelta = LONG,
    tolerance: timedelta = TOLERANCE,
) -> Slots:
    return Slots(database, "press", interval, patience=patience, tolerance=tolerance)


async def test_slots_of_two_processes_are_an_interval_apart(database: FreshDatabase) -> None:
    interval, times = timedelta(milliseconds=200), []

    async def use(slots: Slots) -> None:
        assert await slots.wait()
        times.append(time.monotonic())

    async with database.open("identity") as one, database.open("verifier") as other:
        mine, theirs = slots_of(one, interval), slots_of(other, interval)
        await asyncio.gather(*map(use, [mine, theirs] * 3))

    assert all(after - before >= (interval - TOLERANCE).total_seconds() for before, after in pairwise(times))


async def test_two_groups_share_a_key_equally_regardless_of_their_size(database: FreshDatabase) -> None:
    interval, groups = timedelta(milliseconds=200), list[str]()

    async def use(database: Database, group: str) -> None:
        slots = Slots(database, "press", interval, patience=LONG, tolerance=LONG, group=group)
        while len(groups) < 12:
            await eventually(slots.wait)
            groups.append(group)

    async with database.open("identity") as one, database.open("verifier") as other:
        for each in (one, other):
            await each.fetchval("SELECT 1")  # both groups are connected before they compete
        await asyncio.gather(use(one, "one"), *(use(other, "other") for _ in range(4)))

    assert 5 <= groups[:12].count("one") <= 7


async def test_a_slot_beyond_the_patience_is_not_reserved(identity: Database) -> None:
    assert await Slots(identity, "press", LONG, patience=LONG, tolerance=LONG).wait()

    assert not await slots_of(identity, LONG, patience=LONG / 2).wait()
    assert await RateBucket(identity).take("press", rate=1 / 60, capacity=1, patience=LONG) is not None


async def test_waiting_ends_when_stop_is_set(identity: Database) -> None:
    # With less tolerance a busy machine misses the first slot, and the next one is beyond the patience.
    slots, stop = slots_of(identity, LONG, tolerance=LONG), asyncio.Event()
    assert await slots.wait(stop)

    waiting = asyncio.create_task(slots.wait(stop))
    stop.set()

    assert not await asyncio.wait_for(waiting, timeout=5)


async def test_missed_slots_are_discarded_and_the_last_one_is_used(identity: Database) -> None:
    """With a tolerance of zero every slot is missed."""
    interval, started = timedelta(milliseconds=50), time.monotonic()
    slots = Slots(identity, "press", interval, patience=LONG, tolerance=timedelta(0))

    assert await slots.wait()

    assert time.monotonic() - started >= (TRIES - 1) * interval.total_seconds()


async def test_missed_slots_count_towards_the_patience(identity: Database) -> None:
    slots = Slots(identity, "press", LONG, patience=LONG / 2, tolerance=timedelta(0))

    assert not await slots.wait()
