"""Channels between services: retries, load balancing over replicas, and large responses."""

import asyncio
import time

import grpc

from chassis import channels
from chassis.config import MEBIBYTE
from chassis.server import serving
from cli.server_process import free_port
from letterhead.identity.v1 import tenants_pb2
from tests.integration.chassis.probe import PLAINTEXT, a_server, get_tenant, nothing, registrations

DOWN_SECONDS = 0.4
CALLS, TRANSIT_SECONDS = 50, 0.2


async def test_a_call_is_retried_while_the_server_is_down() -> None:
    port = free_port()
    async with channels.opened(f"127.0.0.1:{port}", PLAINTEXT) as channel:
        call = get_tenant(channel, "7")
        await asyncio.sleep(DOWN_SECONDS)
        async with serving(a_server(grpc_port=port), registrations=registrations(nothing)):
            answer: tenants_pb2.GetTenantResponse = await call

    assert answer.tenant.id == "7"


async def test_calls_are_balanced_over_all_replicas() -> None:
    calls = {"one": 0, "two": 0}

    async def one() -> None:
        calls["one"] += 1

    async def two() -> None:
        calls["two"] += 1

    async with (
        serving(a_server(), registrations=registrations(one)) as first,
        serving(a_server(), registrations=registrations(two)) as second,
        channels.opened(f"127.0.0.1:{first},127.0.0.1:{second}", PLAINTEXT) as channel,
    ):
        await _both_connected(channel, calls)
        before = dict(calls)
        for _ in range(10):
            await get_tenant(channel)

    assert {name: calls[name] - before[name] for name in calls} == {"one": 5, "two": 5}


async def test_calls_that_a_stopping_replica_has_not_taken_are_repeated_at_another() -> None:
    first = free_port()
    answered = {"one": 0, "two": 0}

    async def one() -> None:
        answered["one"] += 1

    async def two() -> None:
        answered["two"] += 1

    async with (
        serving(a_server(), registrations=registrations(two)) as second,
        channels.opened(f"127.0.0.1:{first},127.0.0.1:{second}", PLAINTEXT) as channel,
    ):
        async with serving(a_server(grpc_port=first), registrations=registrations(one)):
            await _both_connected(channel, answered)
            calls = [asyncio.ensure_future(get_tenant(channel, str(number))) for number in range(CALLS)]
            await asyncio.sleep(0)
            time.sleep(TRANSIT_SECONDS)  # noqa: ASYNC251 - both servers are too busy to take the calls
        answers = await asyncio.gather(*calls)

    assert [each.tenant.id for each in answers] == [str(number) for number in range(CALLS)]


async def test_a_response_as_large_as_an_email_with_its_bodies_is_accepted() -> None:
    large = "x" * (20 * MEBIBYTE)
    settings = a_server(grpc_max_receive_bytes=32 * MEBIBYTE)
    async with (
        serving(settings, registrations=registrations(nothing)) as port,
        channels.opened(f"127.0.0.1:{port}", PLAINTEXT) as channel,
    ):
        answer = await get_tenant(channel, large)

    assert answer.tenant.id == large


async def _both_connected(channel: grpc.aio.Channel, calls: dict[str, int]) -> None:
    """Call until both replicas were called: the first to connect gets all calls until the other has too."""
    while not all(calls.values()):
        await get_tenant(channel)
