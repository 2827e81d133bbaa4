"""The number of live pages per domain and key is limited."""

import asyncio

from chassis.access import generate_key
from services.console.live import MOST_PAGES, Live
from services.console.stubs import open_stubs
from tests.integration.console.conftest import settings
from tests.waiting import eventually

KEY, OTHER = generate_key()[0], generate_key()[0]


async def test_a_key_may_open_a_limited_number_of_pages_of_a_domain() -> None:
    async with open_stubs(settings()) as unreachable:
        live = Live(unreachable)
        pages = [asyncio.create_task(anext(live.follow("a", KEY))) for _ in range(MOST_PAGES)]
        await eventually(lambda: live.full("a", KEY))

        others = live.full("a", OTHER), live.full("b", KEY)
        pages[0].cancel()
        await eventually(lambda: not live.full("a", KEY))
        live.end()
        await asyncio.gather(*pages, return_exceptions=True)

    assert others == (False, False)
