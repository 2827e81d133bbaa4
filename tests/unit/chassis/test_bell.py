"""A bell wakes those who wait, and loses no change for those who took its next ring before they looked."""

import asyncio

from chassis.bell import Bell


async def test_a_ring_wakes_all_who_wait() -> None:
    bell = Bell()
    waiting = [asyncio.create_task(bell.next_ring().wait()) for _ in range(3)]
    await asyncio.sleep(0)

    bell.ring()

    assert await asyncio.wait_for(asyncio.gather(*waiting), timeout=5) == [True] * 3


def test_a_ring_between_taking_and_waiting_is_not_missed() -> None:
    bell = Bell()
    taken = bell.next_ring()

    bell.ring()

    assert taken.is_set()


def test_each_ring_is_rung_once() -> None:
    bell = Bell()

    bell.ring()

    assert not bell.next_ring().is_set()
