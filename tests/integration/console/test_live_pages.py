"""The number of live pages per domain and key is limited."""

import asyncio
from contextlib import closing

from chassis.access import generate_key
from chassis.client import CallFailed
from cli.server_process import HOST, free_port
from services.console.live import MOST_PAGES, Live
from services.console.stubs import open_stubs
from tests.integration.console.conftest import settings
from tests.waiting import eventually

KEY, OTHER = generate_key()[0], generate_key()[0]


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer):
        await reader.read()


async def test_a_key_may_open_a_limited_number_of_pages_of_a_domain() -> None:
    port = free_port()
    silent = await asyncio.start_server(never_answer, HOST, port)
    async with silent, open_stubs(settings(verifier_address=f"{HOST}:{port}")) as stubs:
        live = Live(stubs)
        pages = [asyncio.create_task(anext(live.follow("a", KEY))) for _ in range(MOST_PAGES)]
        await eventually(lambda: live.full("a", KEY))

        others = live.full("a", OTHER), live.full("b", KEY)
        pages[0].cancel()
        await eventually(lambda: not live.full("a", KEY))
        live.end()
        await asyncio.gather(*pages, return_exceptions=True)

    assert others == (False, False)


async def test_pages_of_a_domain_that_verifier_does_not_show_end_with_its_error() -> None:
    async with open_stubs(settings()) as unreachable:
        live = Live(unreachable)
        pages = (anext(live.follow("a", KEY)) for _ in range(3))
        failures = await asyncio.gather(*pages, return_exceptions=True)

    assert [failure.code.name for failure in failures if isinstance(failure, CallFailed)] == [
        "UNAVAILABLE"
    ] * 3
