"""Malformed and large requests: none is read before the key is checked, and none crashes the server."""

import asyncio
import os
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY

from chassis import channels
from chassis.access import Access
from chassis.config import MEBIBYTE
from chassis.database import Database
from chassis.memory import BodyMemory
from chassis.server import serving
from tests.factories import a_key, a_tenant, bearer
from tests.integration.chassis.probe import (
    PLAINTEXT,
    a_server,
    get_tenant,
    nothing,
    reason,
    registrations,
    serve,
)
from tests.stores import FreshDatabase
from tests.waiting import eventually

GET_TENANT = "/letterhead.identity.v1.TenantService/GetTenant"
WATCH_DOMAIN = "/letterhead.verifier.v1.VerifierService/WatchDomain"
# A length beyond the end of the message, an unknown wire type, invalid UTF-8, and unclosed groups.
MALFORMED = [b"\x0a\xff", b"\x0f", b"\x0a\x02\xc3\x28", b"\x0b" * 200]


@pytest.fixture
def access(identity: Database) -> Access:
    """Return the Access of identity."""
    return Access(identity)


@pytest.fixture
async def key(database: FreshDatabase) -> str:
    return await a_key(database, await a_tenant(database))


def unary(channel: grpc.aio.Channel) -> Any:
    """Return a callable that calls the unary method with raw bytes."""
    return channel.unary_unary(GET_TENANT)


def stream(channel: grpc.aio.Channel) -> Any:
    """Return a callable that calls the streaming method with raw bytes."""
    return channel.unary_stream(WATCH_DOMAIN)


def piecewise(channel: grpc.aio.Channel) -> Any:
    """Return a callable that calls the unary method; its one message can be sent later, or never."""
    return channel.stream_unary(GET_TENANT)


async def rejection(call: Any) -> tuple[grpc.StatusCode, str]:
    """Return code and reason with which a raw call to either kind of method fails."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (call.read() if isinstance(call, grpc.aio.UnaryStreamCall) else call)
    return caught.value.code(), reason(caught.value)


def counted(method: str) -> float:
    return REGISTRY.get_sample_value("letterhead_rpc_malformed_total", {"method": method}) or 0


@pytest.mark.parametrize("body", MALFORMED)
async def test_a_malformed_request_is_rejected_as_invalid_argument_and_counted(
    access: Access, key: str, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    before = counted(GET_TENANT), counted(WATCH_DOMAIN)

    async with serve(nothing, access=access) as channel:
        refused = [
            await rejection(unary(channel)(body, metadata=bearer(key))),
            await rejection(stream(channel)(body, metadata=bearer(key))),
        ]

    assert refused == 2 * [(grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")]
    assert (counted(GET_TENANT), counted(WATCH_DOMAIN)) == (before[0] + 1, before[1] + 1)
    assert "Traceback" not in capsys.readouterr().out


async def test_a_request_without_a_key_is_not_parsed(access: Access) -> None:
    before = counted(GET_TENANT)

    async with serve(nothing, access=access) as channel:
        refused = [await rejection(unary(channel)(body)) for body in MALFORMED]

    assert set(refused) == {(grpc.StatusCode.UNAUTHENTICATED, "KEY_MISSING")}
    assert counted(GET_TENANT) == before


async def test_a_call_without_a_key_is_rejected_before_its_request_is_complete(access: Access) -> None:
    async with serve(nothing, access=access) as channel:
        async with asyncio.timeout(10):
            code = await piecewise(channel)().code()

    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_call_without_a_request_message_is_malformed(access: Access, key: str) -> None:
    async with serve(nothing, access=access) as channel:
        call = piecewise(channel)(metadata=bearer(key))
        await call.done_writing()
        refused = await rejection(call)

    assert refused == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")


async def test_only_methods_registered_as_large_accept_large_requests(access: Access, key: str) -> None:
    settings = a_server(grpc_max_receive_bytes=8 * MEBIBYTE)

    async with (
        serving(settings, registrations=registrations(nothing), access=access) as port,
        channels.opened(f"127.0.0.1:{port}", PLAINTEXT) as channel,
    ):
        large = await get_tenant(channel, "x" * 6 * MEBIBYTE, key=key)
        body = b"\x0a\x80\x80\x80\x03" + b"x" * 6 * MEBIBYTE
        refused = await rejection(stream(channel)(body, metadata=bearer(key)))

    assert len(large.tenant.id) == 6 * MEBIBYTE
    assert refused == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")


async def test_unfinished_requests_of_one_tenant_do_not_block_other_tenants(
    database: FreshDatabase, access: Access, key: str
) -> None:
    """Twenty requests of one tenant never arrive; another tenant is served meanwhile, and later the first."""
    other = await a_key(database, await a_tenant(database))

    async with serve(nothing, access=access) as channel:
        stuck = [piecewise(channel)(metadata=bearer(key)) for _ in range(20)]
        await asyncio.gather(*(call.wait_for_connection() for call in stuck))
        served = await get_tenant(channel, "7", key=other, timeout=5)
        for call in stuck:
            call.cancel()

        async def served_too() -> bool:
            return await get_tenant(channel, key=key, timeout=5).code() is grpc.StatusCode.OK

        await eventually(served_too)

    assert served.tenant.id == "7"


async def test_a_request_that_arrives_late_gives_way_while_memory_is_short_and_small_ones_do_not(
    access: Access, key: str
) -> None:
    memory = BodyMemory(8 * MEBIBYTE)
    in_use = bytearray(os.urandom(64 * MEBIBYTE))

    async with serve(nothing, access=access, memory=memory) as channel:
        late = await rejection(piecewise(channel)(metadata=bearer(key)))
        small = await get_tenant(channel, "7", key=key)
    del in_use

    assert late == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
    assert small.tenant.id == "7"


async def test_a_large_request_waits_for_the_memory_that_others_use(access: Access, key: str) -> None:
    settings, memory = a_server(grpc_max_receive_bytes=8 * MEBIBYTE), BodyMemory(64 * MEBIBYTE)

    async with serve(nothing, settings, access=access, memory=memory) as channel:
        with await memory.work.reserve(memory.work.total):
            large = get_tenant(channel, "x" * 2 * MEBIBYTE, key=key)
            await get_tenant(channel, "7", key=key)
            await asyncio.sleep(0.2)
            assert not large.done()
        assert len((await large).tenant.id) == 2 * MEBIBYTE
