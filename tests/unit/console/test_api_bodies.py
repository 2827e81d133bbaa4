"""Each large body waits for a slot, and no tenant can take all slots."""

import asyncio
from datetime import timedelta

import pytest

from services.console.api.bodies import Places
from services.console.api.errors import Rejected

COUNT = 4


async def test_a_tenant_takes_at_most_half_of_the_slots() -> None:
    places, entered = Places(COUNT), asyncio.Queue[str]()
    release = asyncio.Event()

    async def hold(tenant: str) -> None:
        async with places.one(tenant):
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
    places, order = Places(1), list[str]()

    async def arrive_late() -> None:
        async with places.one("late"):
            order.append("late")

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10), places.one("early"):
        late = tasks.create_task(arrive_late())
        await asyncio.wait([late], timeout=0)
        order.append("early")
    assert order == ["early", "late"]


async def test_a_tenant_with_too_many_waiting_requests_is_rejected_and_others_are_not() -> None:
    places = Places(2, waiting=1)

    async with places.one("busy"), asyncio.timeout(10):
        waiting = asyncio.create_task(places.one("busy").__aenter__())
        await asyncio.wait([waiting], timeout=0)
        with pytest.raises(Rejected) as refused:
            await places.one("busy").__aenter__()
        async with places.one("another"):
            waiting.cancel()

    assert (refused.value.status, refused.value.name) == (429, "rate_limit_exceeded")


async def test_a_request_that_waits_too_long_is_rejected() -> None:
    places = Places(1, patience=timedelta(0))

    async with places.one("early"):
        with pytest.raises(Rejected, match="Send this one again"):
            await places.one("late").__aenter__()
