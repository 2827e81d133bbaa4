"""Notifier: wakes all waiting tasks, without missing a change for tasks that got the event before reading."""

import asyncio

from chassis.notifier import Notifier


async def test_a_notification_wakes_every_waiting_task() -> None:
    notifier = Notifier()
    waiting = [asyncio.create_task(notifier.next_event().wait()) for _ in range(3)]
    await asyncio.sleep(0)

    notifier.notify()

    assert await asyncio.wait_for(asyncio.gather(*waiting), timeout=5) == [True] * 3


def test_a_notification_before_the_wait_is_not_missed() -> None:
    notifier = Notifier()
    event = notifier.next_event()

    notifier.notify()

    assert event.is_set()


def test_a_notification_is_not_stored() -> None:
    notifier = Notifier()

    notifier.notify()

    assert not notifier.next_event().is_set()
