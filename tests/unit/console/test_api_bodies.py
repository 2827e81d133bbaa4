"""Large bodies wait for memory, no tenant can take all of it, and none waits forever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from chassis.config import MEBIBYTE
from chassis.memory import BodyMemory
from services.console.api.bodies import MEDIUM, SMALL, Bodies, Body
from services.console.api.errors import Rejected

LARGE = 2 * MEDIUM
ALL = 64 * MEBIBYTE  # 48 for work, so three large bodies; 16 for those that arrive, so four of each tenant
SOON = 0.05
WITHIN = 20


def a_request(arrive: Callable[[], Awaitable[None]], size: int, *, declared: bool = True) -> Request:
    """Return a request whose body arrives when `arrive` returns."""

    async def receive() -> dict[str, Any]:
        await arrive()
        return {"type": "http.request", "body": b" " * size, "more_body": False}

    headers = [(b"content-length", str(size).encode())] if declared else []
    return Request({"type": "http", "headers": headers}, receive)


async def at_once() -> None:
    """Let a body arrive without a delay."""


class Callers:
    """Requests that arrive at the same bodies, and that last until `finish` is set."""

    def __init__(self, tasks: asyncio.TaskGroup, bodies: Bodies) -> None:
        self._tasks = tasks
        self._bodies = bodies
        self.arriving: list[str] = []
        self.handled: list[str] = []
        self.arrive, self.finish = asyncio.Event(), asyncio.Event()

    def call(self, tenant: str, size: int = LARGE) -> None:
        self._tasks.create_task(self._call(tenant, size))

    async def _call(self, tenant: str, size: int) -> None:
        async def arrive() -> None:
            self.arriving.append(tenant)
            await self.arrive.wait()

        async with self._bodies.read(a_request(arrive, size), tenant, largest=size):
            self.handled.append(tenant)
            await self.finish.wait()


@pytest.fixture
async def callers() -> AsyncIterator[Callers]:
    async with asyncio.timeout(WITHIN), asyncio.TaskGroup() as tasks:
        yield (callers := Callers(tasks, Bodies(BodyMemory(ALL))))
        callers.arrive.set()
        callers.finish.set()


async def test_a_tenants_slow_uploads_leave_memory_for_another_tenant(callers: Callers) -> None:
    for tenant in ["slow"] * 6 + ["another"]:
        callers.call(tenant)
    await asyncio.sleep(SOON)

    assert callers.arriving == ["slow"] * 4 + ["another"]


async def test_large_bodies_wait_for_memory_in_their_order(callers: Callers) -> None:
    callers.arrive.set()
    for tenant in ("first", "second", "third", "fourth"):
        callers.call(tenant)
    await asyncio.sleep(SOON)
    assert callers.handled == ["first", "second", "third"]

    callers.finish.set()
    await asyncio.sleep(SOON)

    assert callers.handled[-1] == "fourth"


async def test_other_bodies_do_not_wait_for_large_ones(callers: Callers) -> None:
    callers.arrive.set()
    for _ in range(6):
        callers.call("large")
    await asyncio.sleep(SOON)

    callers.call("medium", MEDIUM)
    callers.call("small", SMALL)
    await asyncio.sleep(SOON)

    assert {"medium", "small"} < set(callers.handled)


async def test_memory_that_is_not_needed_after_parsing_is_returned_at_once() -> None:
    bodies = Bodies(BodyMemory(ALL))

    async with AsyncExitStack() as held:
        for _ in range(4):  # three while they are parsed, and more afterwards
            opened = bodies.read(a_request(at_once, LARGE), "acme", largest=LARGE)
            body: Body = await held.enter_async_context(opened)
            assert await body.parsed(len) == LARGE


async def test_a_request_that_waits_too_long_is_rejected_with_a_time_to_retry() -> None:
    bodies = Bodies(BodyMemory(4), patience=0)

    async with bodies.read(a_request(at_once, LARGE), "acme", largest=LARGE):
        with pytest.raises(Rejected, match="Send this one again") as rejected:
            await bodies.read(a_request(at_once, LARGE), "globex", largest=LARGE).__aenter__()

    assert (rejected.value.status, rejected.value.name) == (429, "rate_limit_exceeded")
    assert rejected.value.retry_after


async def test_a_tenant_with_too_many_waiting_requests_is_rejected_and_others_are_not() -> None:
    bodies = Bodies(BodyMemory(ALL), waiting=1)
    async with asyncio.timeout(WITHIN), asyncio.TaskGroup() as tasks:
        callers = Callers(tasks, bodies)
        for _ in range(5):
            callers.call("busy")
        await asyncio.sleep(SOON)

        with pytest.raises(Rejected, match="Send this one again"):
            await bodies.read(a_request(at_once, LARGE), "busy", largest=LARGE).__aenter__()
        callers.call("another")
        await asyncio.sleep(SOON)
        assert callers.arriving == ["busy"] * 4 + ["another"]

        callers.arrive.set()
        callers.finish.set()


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("size", [1, SMALL + 1, LARGE])
async def test_a_body_is_read_whole_up_to_the_limit_of_its_endpoint(size: int, *, declared: bool) -> None:
    bodies = Bodies(BodyMemory(ALL))

    async with bodies.read(a_request(at_once, size, declared=declared), "acme", largest=size) as body:
        assert len(body.content) == size

    with pytest.raises(HTTPException) as error:
        await bodies.read(a_request(at_once, size, declared=declared), "acme", largest=size - 1).__aenter__()
    assert error.value.status_code == 413
