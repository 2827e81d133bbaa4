"""Large bodies wait for a place each, and no key has all places."""

import asyncio

from services.console.api.bodies import Places

COUNT = 4


async def test_a_key_takes_half_of_the_places_and_another_finds_one() -> None:
    places, came = Places(COUNT), asyncio.Queue[bytes]()
    may_go = asyncio.Event()

    async def hold(key: bytes) -> None:
        async with places.one(key):
            came.put_nowait(key)
            await may_go.wait()

    async with asyncio.TaskGroup() as everybody, asyncio.timeout(10):
        for key in [b"slow"] * COUNT + [b"another"]:
            everybody.create_task(hold(key))
        assert [await came.get() for _ in range(COUNT // 2 + 1)] == [b"slow"] * (COUNT // 2) + [b"another"]
        assert came.empty()
        may_go.set()
    assert came.qsize() == COUNT // 2


async def test_whoever_comes_late_waits_until_a_place_is_free() -> None:
    places, order = Places(1), list[str]()

    async def come_late() -> None:
        async with places.one(b"late"):
            order.append("late")

    async with asyncio.TaskGroup() as everybody, asyncio.timeout(10), places.one(b"early"):
        late = everybody.create_task(come_late())
        await asyncio.wait([late], timeout=0)
        order.append("early")
    assert order == ["early", "late"]
