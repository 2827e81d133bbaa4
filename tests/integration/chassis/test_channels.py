"""What every call to another service gets from its channel: all replicas, patience, and large answers."""

import asyncio

import grpc

from chassis import channels
from chassis.config import MEBIBYTE
from chassis.server import serving
from cli.server_process import free_port
from letterhead.identity.v1 import tenants_pb2
from tests.integration.chassis.probe import PLAINTEXT, a_server, get_tenant, nothing, registrations

AWAY_SECONDS = 0.4


async def test_a_server_that_is_away_is_asked_again() -> None:
    port = free_port()
    async with channels.opened(f"127.0.0.1:{port}", PLAINTEXT) as channel:
        call = get_tenant(channel, "7")
        await asyncio.sleep(AWAY_SECONDS)
        async with serving(a_server(grpc_port=port), registrations=registrations(nothing)):
            answer: tenants_pb2.GetTenantResponse = await call

    assert answer.tenant.id == "7"


async def test_calls_go_to_every_replica() -> None:
    asked = {"one": 0, "two": 0}

    async def one() -> None:
        asked["one"] += 1

    async def two() -> None:
        asked["two"] += 1

    async with (
        serving(a_server(), registrations=registrations(one)) as first,
        serving(a_server(), registrations=registrations(two)) as second,
        channels.opened(f"127.0.0.1:{first},127.0.0.1:{second}", PLAINTEXT) as channel,
    ):
        await _both_connected(channel, asked)
        before = dict(asked)
        for _ in range(10):
            await get_tenant(channel)

    assert {name: asked[name] - before[name] for name in asked} == {"one": 5, "two": 5}


async def test_an_answer_with_the_bodies_of_an_email_fits() -> None:
    large = "x" * (20 * MEBIBYTE)
    settings = a_server(grpc_max_receive_bytes=32 * MEBIBYTE)
    async with (
        serving(settings, registrations=registrations(nothing)) as port,
        channels.opened(f"127.0.0.1:{port}", PLAINTEXT) as channel,
    ):
        answer = await get_tenant(channel, large)

    assert answer.tenant.id == large


async def _both_connected(channel: grpc.aio.Channel, asked: dict[str, int]) -> None:
    """Calls until both have been asked: the first to connect gets all calls until the other has."""
    while not all(asked.values()):
        await get_tenant(channel)
