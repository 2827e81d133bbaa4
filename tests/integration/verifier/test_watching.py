"""Streams of those who watch a domain: at once, at each change, across replicas, until the server goes."""

import asyncio

import grpc
import pytest

from services.verifier.__main__ import running
from tests.integration.verifier.world import Tenant, World, state_name
from tests.waiting import eventually


async def test_a_watcher_is_told_what_is_known_at_once(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    async with asyncio.timeout(1):
        first = (await tenant.watch(domain).read()).verification

    assert state_name(first.state) == "READY"
    assert len(first.records) == 5


async def test_a_watcher_is_told_changes_only(world: World, tenant: Tenant) -> None:
    """Looks go on every second or two; what they see is the same."""
    domain = await world.a_ready_domain(tenant)
    stream = tenant.watch(domain)
    await stream.read()
    looks = "SELECT looks FROM verifier.verifications"
    (before,) = await world.database.fetch(looks)

    async def looked_twice() -> bool:
        (now,) = await world.database.fetch(looks)
        return bool(now["looks"] >= before["looks"] + 2)

    told = asyncio.ensure_future(stream.read())
    await eventually(looked_twice)

    assert not told.done()
    stream.cancel()


async def test_a_watcher_hears_what_another_replica_saw(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    async with world.start() as elsewhere:
        stream = tenant.at(elsewhere).watch(domain)
        await stream.read()

        await world.at_ses(domain, verified_for_sending=False)
        await world.age(domain, "ses_due_at = now()")

        async with asyncio.timeout(10):
            while state_name((await stream.read()).verification.state) != "DEGRADED":
                continue
        stream.cancel()


async def test_a_watcher_is_told_to_call_again_when_the_server_goes(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    async with running(world.settings) as port:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        stream = tenant.at(channel).watch(domain)
        await stream.read()
        ending = asyncio.ensure_future(stream.read())

    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await ending
    await channel.close()
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_two_replicas_look_once_each_time(world: World, tenant: Tenant) -> None:
    """Twenty domains at two replicas: each begins once and becomes ready once."""
    async with world.start():
        domains = [await world.a_domain(tenant) for _ in range(20)]
        for domain in domains:
            await world.publish(domain)
            await tenant.verify(domain)
        for domain in domains:
            await tenant.reaches(domain, "READY")

    for domain in domains:
        history = [state_name(each.to_state) for each in await tenant.transitions(domain)]
        assert history == ["READY", "PENDING"]


async def test_a_watched_domain_that_is_stuck_leaves_turns_to_others(world: World, tenant: Tenant) -> None:
    stuck, other = await world.a_domain(tenant), await world.a_domain(tenant)
    await world.at_ses(stuck, mail_from_status="PENDING")
    await world.publish(stuck)
    stream = tenant.watch(stuck)
    await stream.read()

    await world.publish(other)
    await tenant.verify(other)

    await tenant.reaches(other, "READY")
    assert await tenant.state(stuck) == "PENDING"
    stream.cancel()


async def test_a_watcher_is_told_who_keeps_each_record(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    known = await tenant.known(domain)

    assert {check.zone for check in known.records} == {domain.name}
    assert all(len(check.name_servers) == check.servers_asked for check in known.records)
