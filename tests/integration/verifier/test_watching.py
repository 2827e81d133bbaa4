"""WatchDomain streams: the first message, changes, several replicas, and the server's shutdown."""

import asyncio
from datetime import timedelta

import grpc
import pytest

from services.verifier.__main__ import running
from services.verifier.servicer.mappers import differ
from tests.integration.verifier.world import Tenant, World, state_name
from tests.waiting import eventually


async def test_a_stream_starts_with_the_current_verification(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    async with asyncio.timeout(1):
        first = (await tenant.watch(domain).read()).verification

    assert state_name(first.state) == "READY"
    assert len(first.records) == 5


async def test_a_stream_sends_only_changes(world: World, tenant: Tenant) -> None:
    """The domain is checked every second or two, always with the same result."""
    domain = await world.a_ready_domain(tenant)
    stream = tenant.watch(domain)
    await stream.read()
    checks = "SELECT checks FROM verifier.verifications"
    (before,) = await world.database.fetch(checks)

    async def checked_twice() -> bool:
        (now,) = await world.database.fetch(checks)
        return bool(now["checks"] >= before["checks"] + 2)

    message = asyncio.ensure_future(stream.read())
    await eventually(checked_twice)

    assert not message.done()
    stream.cancel()


async def test_a_stream_sends_the_times_of_checks_now_and_then(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    stream = tenant.watch(domain)
    first = (await stream.read()).verification

    await world.age(domain, "checked_at = now() + interval '11 s', next_check_at = now() + interval '1 h'")

    async with asyncio.timeout(40):
        later = (await stream.read()).verification
    stream.cancel()
    assert later.check_time.ToDatetime() - first.check_time.ToDatetime() >= timedelta(seconds=10)
    assert not differ(later, first, times=timedelta(hours=1))


async def test_a_stream_sends_changes_found_by_another_replica(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    async with world.start() as other:
        stream = tenant.at(other).watch(domain)
        await stream.read()

        await world.at_ses(domain, verified_for_sending=False)
        await world.age(domain, "ses_due_at = now()")

        async with asyncio.timeout(10):
            while state_name((await stream.read()).verification.state) != "DEGRADED":
                continue
        stream.cancel()


async def test_a_stream_ends_as_unavailable_when_the_server_shuts_down(world: World, tenant: Tenant) -> None:
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


async def test_two_replicas_do_not_repeat_each_others_transitions(world: World, tenant: Tenant) -> None:
    """Of twenty domains at two replicas, each becomes PENDING once and READY once."""
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


async def test_a_stuck_watched_domain_leaves_ses_slots_to_others(world: World, tenant: Tenant) -> None:
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


async def test_a_check_names_the_zone_and_name_servers_of_each_record(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    known = await tenant.known(domain)

    assert {check.zone for check in known.records} == {domain.name}
    assert all(len(check.name_servers) == check.servers_asked for check in known.records)
