"""Health service: NOT_SERVING before the first check, and then the result of the checks."""

import asyncio
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from tests.integration.chassis.probe import TENANTS, nothing, serve
from tests.waiting import eventually

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def test_health_is_not_serving_before_the_first_check() -> None:
    checked = asyncio.Event()

    async def check() -> None:
        await checked.wait()

    async with serve(nothing, health_checks={"slow": check}) as channel:
        assert await _health(channel, "liveness", SERVING)
        assert await _health(channel, "", NOT_SERVING)
        assert await _health(channel, TENANTS, NOT_SERVING)

        checked.set()
        await eventually(lambda: _health(channel, "", SERVING))


async def test_health_follows_its_checks() -> None:
    broken = True

    async def check() -> None:
        if broken:
            raise ConnectionError

    async with serve(nothing, health_checks={"ses": check}) as channel:
        await eventually(lambda: _health(channel, "liveness", SERVING))
        assert await _health(channel, "", NOT_SERVING)
        assert await _health(channel, TENANTS, NOT_SERVING)

        broken = False
        await eventually(lambda: _health(channel, "", SERVING))
        await eventually(lambda: _health(channel, TENANTS, SERVING))

        broken = True
        await eventually(lambda: _health(channel, "", NOT_SERVING))
        assert await _health(channel, "liveness", SERVING)


async def test_dependencies_are_measured_and_an_optional_one_does_not_end_serving() -> None:
    async def fail() -> None:
        raise ConnectionError

    before = time.time()
    async with serve(nothing, health_checks={"ses": nothing}, optional_checks={"nats": fail}) as channel:
        await eventually(lambda: _health(channel, "", SERVING))
        await eventually(lambda: (_measured("letterhead_dependency_outage_seconds_total", "nats") or 0) > 1)

    assert _measured("letterhead_dependency_up", "nats") == 0
    assert _measured("letterhead_dependency_up", "ses") == 1
    assert (REGISTRY.get_sample_value("letterhead_health_checked_timestamp_seconds") or 0) >= before


def _measured(name: str, dependency: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"dependency": dependency})


async def _health(channel: grpc.aio.Channel, service: str, wanted: int) -> bool:
    request = health_pb2.HealthCheckRequest(service=service)
    try:
        answer = await health_pb2_grpc.HealthStub(channel).Check(request)
    except grpc.aio.AioRpcError:
        return False  # the service is not registered yet
    return bool(answer.status == wanted)
