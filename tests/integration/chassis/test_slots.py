"""Slots at a shared key keep their distance, whoever takes them, and end when it is time to stop."""

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


def slots_of(database: Database, interval: timedelta, *, patience: timedelta = LONG) -> Slots:
    return Slots(database, "press", interval, patience=patience, tolerance=TOLERANCE)


async def test_slots_of_two_processes_are_an_interval_apart(database: FreshDatabase) -> None:
    interval, began = timedelta(milliseconds=200), []

    async def use(slots: Slots) -> None:
        assert await slots.wait()
        began.append(time.monotonic())

    async with database.open("identity") as one, database.open("verifier") as other:
        mine, theirs = slots_of(one, interval), slots_of(other, interval)
        await asyncio.gather(*map(use, [mine, theirs] * 3))

    assert all(after - before >= (interval - TOLERANCE).total_seconds() for before, after in pairwise(began))


async def test_two_groups_share_a_key_equally_however_many_wait_in_each(database: FreshDatabase) -> None:
    interval, taken = timedelta(milliseconds=200), list[str]()

    async def use(database: Database, group: str) -> None:
        slots = Slots(database, "press", interval, patience=LONG, tolerance=LONG, group=group)
        while len(taken) < 12:
            await eventually(slots.wait)
            taken.append(group)

    async with database.open("identity") as one, database.open("verifier") as other:
        await asyncio.gather(use(one, "one"), *(use(other, "other") for _ in range(4)))

    assert 5 <= taken[:12].count("one") <= 7


async def test_a_slot_beyond_the_patience_is_not_waited_for_and_left_to_others(identity: Database) -> None:
    assert await Slots(identity, "press", LONG, patience=LONG, tolerance=LONG).wait()

    assert not await slots_of(identity, LONG, patience=LONG / 2).wait()
    assert await RateBucket(identity).take("press", rate=1 / 60, capacity=1, patience=LONG) is not None


async def test_waiting_ends_when_it_is_time_to_stop(identity: Database) -> None:
    slots, stop = slots_of(identity, LONG), asyncio.Event()
    assert await slots.wait(stop)

    waiting = asyncio.create_task(slots.wait(stop))
    stop.set()

    assert not await asyncio.wait_for(waiting, timeout=5)


async def test_a_slot_come_too_late_for_is_left_and_the_last_one_used(identity: Database) -> None:
    """With no tolerance at all every slot is late."""
    interval, began = timedelta(milliseconds=50), time.monotonic()
    slots = Slots(identity, "press", interval, patience=LONG, tolerance=timedelta(0))

    assert await slots.wait()

    assert time.monotonic() - began >= (TRIES - 1) * interval.total_seconds()


async def test_slots_left_unused_count_against_the_patience(identity: Database) -> None:
    slots = Slots(identity, "press", LONG, patience=LONG / 2, tolerance=timedelta(0))

    assert not await slots.wait()
