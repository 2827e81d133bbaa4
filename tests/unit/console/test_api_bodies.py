"""Each large body waits for a slot, and no tenant can take all slots."""

import asyncio
from datetime import timedelta

import pytest

from services.console.api.bodies import UploadSlots
from services.console.api.errors import Rejected

COUNT = 4


async def test_a_tenant_takes_at_most_half_of_the_slots() -> None:
    slots, entered = UploadSlots(COUNT), asyncio.Queue[str]()
    release = asyncio.Event()

    async def hold(tenant: str) -> None:
        async with slots.take(tenant):
            entered.put_nowait(tenant)
            await release.wait()

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        for tenant in ["slow"] * COUNT + ["another"]:
            tasks.create_task(hold(tenant))
        assert [await entered.get() for _ in range(COUNT // 2 + 1)] == ["slow"] * (COUNT // 2) + ["another"]
        assert entered.empty()
        release.set()
    assert entered.qsize() == COUNT // 2


async def test_a_request_waits_until_a_slot_is_free() -> None:
    slots, order = UploadSlots(1), list[str]()

    async def arrive_late() -> None:
        async with slots.take("late"):
            order.append("late")

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10), slots.take("early"):
        late = tasks.create_task(arrive_late())
        await asyncio.wait([late], timeout=0)
        order.append("early")
    assert order == ["early", "late"]


async def test_a_tenant_with_too_many_waiting_requests_is_rejected_and_others_are_not() -> None:
    slots = UploadSlots(2, waiting=1)

    async with slots.take("busy"), asyncio.timeout(10):
        waiting = asyncio.create_task(slots.take("busy").__aenter__())
        await asyncio.wait([waiting], timeout=0)
        with pytest.raises(Rejected) as refused:
            await slots.take("busy").__aenter__()
        async with slots.take("another"):
            waiting.cancel()

    assert (refused.value.status, refused.value.name) == (429, "rate_limit_exceeded")


async def test_a_request_that_waits_too_long_is_rejected() -> None:
    slots = UploadSlots(1, patience=timedelta(0))

    async with slots.take("early"):
        with pytest.raises(Rejected, match="Send this one again"):
            await slots.take("late").__aenter__()
