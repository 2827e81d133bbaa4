"""Open streams: limits per caller, and their end when the key or link is revoked or expires."""

import asyncio
import time
from typing import Any

import grpc
import pytest

from chassis.access import Access, Scope
from chassis.database import Database
from letterhead.verifier.v1 import verifier_pb2, verifier_pb2_grpc
from tests.factories import a_key, a_link, a_ready_domain, a_tenant, bearer
from tests.integration.chassis.probe import a_server, reason, serve
from tests.stores import FreshDatabase
from tests.waiting import eventually

KEY_REVOKED = "UPDATE identity.api_keys SET revoked_at = now() WHERE scope = 'FULL_ACCESS'"
KEY_EXPIRED = "UPDATE identity.api_keys SET expires_at = now() WHERE scope = 'FULL_ACCESS'"
LINK_REVOKED = "UPDATE identity.links SET revoked_at = now()"
DOMAIN_DELETED = "UPDATE identity.claims SET phase = 'DELETING'"


@pytest.fixture
def access(identity: Database) -> Access:
    """Return the Access of identity."""
    return Access(identity)


async def forever() -> None:
    await asyncio.Event().wait()


async def opened(channel: grpc.aio.Channel, key: str) -> Any:
    """Return a stream that has responded once and stays open."""
    stub = verifier_pb2_grpc.VerifierServiceStub(channel)
    call = stub.WatchDomain(verifier_pb2.WatchDomainRequest(), metadata=bearer(key))
    await call.read()
    return call


async def rejection(channel: grpc.aio.Channel, key: str) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await opened(channel, key)
    return caught.value.code(), reason(caught.value)


@pytest.mark.parametrize(
    ("ended", "scope"),
    [
        (KEY_REVOKED, Scope.FULL_ACCESS),
        (KEY_EXPIRED, Scope.FULL_ACCESS),
        (LINK_REVOKED, Scope.LINK),
        (DOMAIN_DELETED, Scope.LINK),
    ],
)
async def test_a_stream_ends_when_its_key_or_link_is_revoked_or_expires(
    database: FreshDatabase, access: Access, ended: str, scope: Scope
) -> None:
    tenant_id = await a_tenant(database)
    domain = await a_ready_domain(database, tenant_id)
    key = await (a_link(database, domain) if scope is Scope.LINK else a_key(database, tenant_id))
    other = await a_key(database, tenant_id, Scope.ADMIN)

    async with serve(forever, access=access) as channel:
        stays = await opened(channel, other)
        stream = await opened(channel, key)
        await database.execute(ended)
        started = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(stream.read(), timeout=20)
        seconds = time.monotonic() - started

        assert not stays.done()
        stays.cancel()
    assert (caught.value.code(), reason(caught.value)) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID")
    assert seconds < 10


async def test_streams_are_limited_per_key_and_per_tenant(database: FreshDatabase, access: Access) -> None:
    tenant_id = await a_tenant(database)
    one, two = await a_key(database, tenant_id), await a_key(database, tenant_id)
    other_tenant = await a_key(database, await a_tenant(database))
    settings = a_server(streams_per_key=2, streams_per_tenant=3)
    too_many = (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")

    async with serve(forever, settings, access=access) as channel:
        streams = [await opened(channel, one) for _ in range(2)]
        of_the_key = await rejection(channel, one)
        streams.append(await opened(channel, two))
        of_the_tenant = await rejection(channel, two)
        streams.append(await opened(channel, other_tenant))
        streams[0].cancel()

        async def can_open_another() -> bool:
            try:
                streams.append(await opened(channel, one))
            except grpc.aio.AioRpcError:
                return False
            return True

        await eventually(can_open_another)
        for stream in streams:
            stream.cancel()

    assert (of_the_key, of_the_tenant) == (too_many, too_many)


async def test_streams_stay_open_while_postgres_is_down(database: FreshDatabase, access: Access) -> None:
    """A key that cannot be checked does not count as revoked."""
    key = await a_key(database, await a_tenant(database))

    async with serve(forever, access=access) as channel:
        stream = await opened(channel, key)
        database.server.stop()
        reading = asyncio.ensure_future(stream.read())
        done, _ = await asyncio.wait([reading], timeout=3)
        database.server.restart()

        assert not done
        stream.cancel()
        await asyncio.wait([reading])
