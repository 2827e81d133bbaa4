"""Assemblies: a service serves, runs and wakes what all of its parts declare, and relays their events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import config
from chassis.assembly import Assembly, open_platform, serving
from chassis.background import Background
from tests.factories import a_key, a_tenant, bearer
from tests.integration.chassis.journal import an_event, publish
from tests.integration.chassis.probe import a_server, get_tenant, nothing, reason, registrations, watch
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True, kw_only=True)
class Settings:
    server: config.Server
    database: config.Database
    nats: config.Nats


@pytest.fixture
def settings(database: FreshDatabase, stream: FreshStream) -> Settings:
    return Settings(
        server=a_server(), database=database.settings("identity"), nats=stream.settings("identity")
    )


@asynccontextmanager
async def a_service(settings: Settings, *assemblies: Assembly) -> AsyncIterator[grpc.aio.Channel]:
    """Run a service that is made of these assemblies; yield a channel to it."""
    async with (
        open_platform(settings, "identity") as platform,
        serving(settings, platform, assemblies) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


async def test_every_assembly_is_served_and_every_call_authenticated(
    settings: Settings, database: FreshDatabase
) -> None:
    key = await a_key(database, await a_tenant(database))
    tenants, verifier = registrations(nothing)

    async with a_service(
        settings, Assembly(registrations=[tenants]), Assembly(registrations=[verifier])
    ) as channel:
        answer = await get_tenant(channel, "7", key=key)
        with pytest.raises(grpc.aio.AioRpcError) as keyless:
            await get_tenant(channel, "7")
        with pytest.raises(grpc.aio.AioRpcError) as keyless_stream:
            await watch(channel).read()

    assert answer.tenant.id == "7"
    assert {reason(caught.value) for caught in (keyless, keyless_stream)} == {"KEY_MISSING"}


async def test_background_tasks_run_until_the_service_stops(settings: Settings) -> None:
    started, ended = set[str](), set[str]()

    def task(name: str) -> Background:
        async def run(stop: asyncio.Event) -> None:
            started.add(name)
            await stop.wait()
            ended.add(name)

        return run

    async with a_service(
        settings, Assembly(background=[task("a"), task("b")]), Assembly(background=[task("c")])
    ):
        await eventually(lambda: started == {"a", "b", "c"})
        assert ended == set()

    assert ended == {"a", "b", "c"}


async def test_a_notification_wakes_what_each_assembly_names(
    settings: Settings, database: FreshDatabase
) -> None:
    woken: list[str] = []
    first = Assembly(wakes=[("assembly_one", lambda: woken.append("first"))])
    second = Assembly(
        wakes=[
            ("assembly_one", lambda: woken.append("second")),
            ("assembly_two", lambda: woken.append("other")),
        ]
    )

    async with a_service(settings, first, second):
        await eventually(lambda: sorted(woken) == ["first", "other", "second"])  # once, when connected
        woken.clear()
        await database.execute("NOTIFY assembly_one")
        await eventually(lambda: sorted(woken) == ["first", "second"])


async def test_a_service_is_healthy_while_the_checks_of_all_assemblies_succeed(
    settings: Settings, database: FreshDatabase
) -> None:
    key = await a_key(database, await a_tenant(database))
    broken = True

    async def check() -> None:
        if broken:
            raise ConnectionError

    async with a_service(
        settings, Assembly(health_checks={"good": nothing}), Assembly(health_checks={"bad": check})
    ) as channel:

        async def status() -> int:
            request = health_pb2.HealthCheckRequest()
            answer = await health_pb2_grpc.HealthStub(channel).Check(request, metadata=bearer(key))
            return int(answer.status)

        assert await status() == NOT_SERVING
        broken = False

        async def serves() -> bool:
            return bool(await status() == SERVING)

        await eventually(serves)


async def test_events_are_relayed(settings: Settings, stream: FreshStream) -> None:
    event = an_event()

    async with open_platform(settings, "identity") as platform:
        await publish(platform.database, event)
        async with serving(settings, platform, []):
            published = await eventually(stream.published)

    assert [each["id"] for each in published] == [str(event.id)]
