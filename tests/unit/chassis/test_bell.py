"""Notifier: wakes all waiting tasks, without missing a change for tasks that got the event before reading."""

import asyncio

from chassis.bell import Bell


async def test_a_notification_wakes_every_waiting_task() -> None:
    bell = Bell()
    waiting = [asyncio.create_task(bell.next_ring().wait()) for _ in range(3)]
    await asyncio.sleep(0)

    bell.ring()

    assert await asyncio.wait_for(asyncio.gather(*waiting), timeout=5) == [True] * 3


def test_a_notification_before_the_wait_is_not_missed() -> None:
    bell = Bell()
    event = bell.next_ring()

    bell.ring()

    assert event.is_set()


def test_a_notification_is_not_stored() -> None:
    bell = Bell()

    bell.ring()

    assert not bell.next_ring().is_set()
