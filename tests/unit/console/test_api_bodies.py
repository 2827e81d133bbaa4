"""Large bodies wait for a place each, and no tenant has all places."""

import asyncio
from datetime import timedelta

import pytest

from services.console.api.bodies import Places
from services.console.api.errors import Rejected

COUNT = 4


async def test_a_tenant_takes_half_of_the_places_and_another_finds_one() -> None:
    places, came = Places(COUNT), asyncio.Queue[str]()
    may_go = asyncio.Event()

    async def hold(tenant: str) -> None:
        async with places.one(tenant):
            came.put_nowait(tenant)
            await may_go.wait()

    async with asyncio.TaskGroup() as everybody, asyncio.timeout(10):
        for tenant in ["slow"] * COUNT + ["another"]:
            everybody.create_task(hold(tenant))
        assert [await came.get() for _ in range(COUNT // 2 + 1)] == ["slow"] * (COUNT // 2) + ["another"]
        assert came.empty()
        may_go.set()
    assert came.qsize() == COUNT // 2


async def test_whoever_comes_late_waits_until_a_place_is_free() -> None:
    places, order = Places(1), list[str]()

    async def come_late() -> None:
        async with places.one("late"):
            order.append("late")

    async with asyncio.TaskGroup() as everybody, asyncio.timeout(10), places.one("early"):
        late = everybody.create_task(come_late())
        await asyncio.wait([late], timeout=0)
        order.append("early")
    assert order == ["early", "late"]


async def test_a_tenant_that_has_too_many_waiting_is_refused_and_another_is_not() -> None:
    places = Places(2, waiting=1)

    async with places.one("busy"), asyncio.timeout(10):
        waiting = asyncio.create_task(places.one("busy").__aenter__())
        await asyncio.wait([waiting], timeout=0)
        with pytest.raises(Rejected) as refused:
            await places.one("busy").__aenter__()
        async with places.one("another"):
            waiting.cancel()

    assert (refused.value.status, refused.value.name) == (429, "rate_limit_exceeded")


async def test_nobody_waits_for_ever() -> None:
    places = Places(1, patience=timedelta(0))

    async with places.one("early"):
        with pytest.raises(Rejected, match="Send this one again"):
            await places.one("late").__aenter__()
