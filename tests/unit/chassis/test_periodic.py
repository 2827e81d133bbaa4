"""A periodic task says when it last succeeded."""

import asyncio
import time
from datetime import timedelta

from prometheus_client import REGISTRY

from chassis.periodic import PeriodicTask
from tests.waiting import eventually


def measured(name: str, task: str) -> float:
    return REGISTRY.get_sample_value(f"letterhead_task_{name}", {"task": task}) or 0


async def test_a_success_moves_the_time_and_a_failure_does_not() -> None:
    stop, broken, runs = asyncio.Event(), True, 0

    async def once() -> None:
        nonlocal runs
        runs += 1
        if broken:
            raise ConnectionError

    task = PeriodicTask("of a test", once, interval=timedelta(seconds=0.01), first=timedelta(seconds=0.01))
    began = time.time()
    running = asyncio.create_task(task.run(stop))
    await eventually(lambda: runs > 2)
    started = measured("succeeded_timestamp_seconds", "of a test")
    await eventually(lambda: runs > 4)
    assert measured("succeeded_timestamp_seconds", "of a test") == started >= began
    assert measured("interval_seconds", "of a test") == 0.01

    broken = False
    await eventually(lambda: measured("succeeded_timestamp_seconds", "of a test") > started)

    stop.set()
    await running
