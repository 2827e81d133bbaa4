"""Authentication of calls: valid and invalid keys, revocation within a second, and Postgres outages."""

import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chassis.access import Access, Principal, Scope, generate_key, principal
from chassis.database import Database
from chassis.server import Registration, serving
from letterhead.identity.v1.domains_pb2 import GetDomainRequest
from letterhead.identity.v1.domains_pb2_grpc import DomainServiceStub
from tests.factories import bearer
from tests.integration.chassis.probe import TENANTS, a_server, get_tenant, nothing, reason, serve
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def a_key(
    database: FreshDatabase, scope: str = "FULL_ACCESS", **columns: Any
) -> tuple[str, UUID, UUID]:
    """Create a key of a new tenant; return its token, id and tenant id."""
    token, digest, hint = generate_key()
    key_id, tenant_id = uuid4(), uuid4()
    await database.execute(
        "INSERT INTO identity.tenants (id, name) VALUES ($1, $2)", tenant_id, str(tenant_id)
    )
    await database.execute(
        "INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint, claim_ids, expires_at)"
        " VALUES ($1, $2, 'test', $3, $4, $5, $6, now() + $7::interval)",
        key_id,
        tenant_id,
        scope,
        digest,
        hint,
        columns.get("claim_ids", []),
        columns.get("expires_in", timedelta(days=1)),
    )
    return token, key_id, tenant_id


@pytest.fixture
def access(identity: Database) -> Access:
    """Return the Access of identity."""
    return Access(identity)


async def rejection(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), reason(caught.value)


async def test_a_live_key_authenticates_its_principal(database: FreshDatabase, access: Access) -> None:
    claim = uuid4()
    token, key_id, tenant_id = await a_key(database, "FULL_ACCESS", claim_ids=[claim])
    seen: list[Principal] = []

    async def record() -> None:
        seen.append(principal())

    async with serve(record, access=access) as channel:
        await get_tenant(channel, key=token)

    assert seen == [Principal(key_id, tenant_id, Scope.FULL_ACCESS, frozenset({claim}))]


async def test_missing_expired_and_unknown_keys_are_rejected(database: FreshDatabase, access: Access) -> None:
    expired, _, _ = await a_key(database, expires_in=timedelta(seconds=-1))
    unknown, _, _ = generate_key()

    async with serve(nothing, access=access) as channel:
        assert await rejection(get_tenant(channel)) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_MISSING")
        for token in (expired, unknown, unknown[:-1], "x"):
            refused = await rejection(get_tenant(channel, key=token))
            assert refused == (grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID")
        basic = get_tenant(channel, metadata=[("authorization", "Basic dXNlcjpwdw==")])
        assert await rejection(basic) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID")


async def test_health_and_reflection_require_a_key(database: FreshDatabase, access: Access) -> None:
    token, _, _ = await a_key(database)
    request = reflection_pb2.ServerReflectionRequest(list_services="")

    async with serve(nothing, access=access) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        missing = (grpc.StatusCode.UNAUTHENTICATED, "KEY_MISSING")
        assert await rejection(check(health_pb2.HealthCheckRequest())) == missing
        assert await rejection(reflect(iter([request])).read()) == missing
        await check(health_pb2.HealthCheckRequest(), metadata=bearer(token))
        answer = await reflect(iter([request]), metadata=bearer(token)).read()

    assert TENANTS in {each.name for each in answer.list_services_response.service}


async def test_an_unknown_method_is_unimplemented(access: Access) -> None:
    async with serve(nothing, access=access) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await DomainServiceStub(channel).GetDomain(GetDomainRequest())

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_key_with_too_small_a_scope_is_denied_before_the_servicer_runs(
    database: FreshDatabase, access: Access
) -> None:
    token, _, _ = await a_key(database, "SENDING_ACCESS")
    seen: list[Principal] = []

    async def record() -> None:
        seen.append(principal())

    async with serve(record, access=access) as channel:
        refused = await rejection(get_tenant(channel, key=token))

    assert refused == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")
    assert seen == []


async def test_a_server_with_a_method_without_required_scope_does_not_start(access: Access) -> None:
    undeclared = Registration(health_pb2_grpc.add_HealthServicer_to_server, health_pb2_grpc.HealthServicer())

    with pytest.raises(ValueError, match=r"grpc\.health\.v1\.Health\.Check has no option required_scope"):
        async with serving(a_server(), registrations=[undeclared], access=access):
            raise AssertionError("the server started")


async def test_concurrent_calls_keep_their_own_principals(database: FreshDatabase, access: Access) -> None:
    keys = [await a_key(database) for _ in range(5)]
    seen: list[UUID] = []

    async def record() -> None:
        before = principal()
        await access.authenticate(f"Bearer {keys[0][0]}")
        assert principal() is before
        seen.append(before.tenant_id)

    async with serve(record, access=access) as channel:
        calls = [get_tenant(channel, key=token) for token, _, _ in keys for _ in range(5)]
        for call in calls:
            await call

    assert sorted(seen) == sorted(tenant_id for _, _, tenant_id in keys for _ in range(5))


async def test_a_revoked_key_is_rejected_within_a_second(database: FreshDatabase, access: Access) -> None:
    token, key_id, _ = await a_key(database)
    async with serve(nothing, access=access) as channel:
        await get_tenant(channel, key=token)

        await database.execute("UPDATE identity.api_keys SET revoked_at = now() WHERE id = $1", key_id)
        revoked = time.monotonic()
        await eventually(lambda: _is_rejected(channel, token), within=timedelta(seconds=1))

    assert time.monotonic() - revoked <= 1


async def test_a_successful_lookup_is_cached(database: FreshDatabase, access: Access) -> None:
    """A key that is deleted without invalidating the cache is still accepted for a moment."""
    token, key_id, _ = await a_key(database)
    await access.authenticate(f"Bearer {token}")

    await database.execute("DELETE FROM identity.api_keys WHERE id = $1", key_id)

    assert (await access.authenticate(f"Bearer {token}")).key_id == key_id


async def test_calls_fail_as_unavailable_while_postgres_is_down(
    database: FreshDatabase, access: Access
) -> None:
    token, _, _ = await a_key(database)
    unknown, _, _ = generate_key()
    async with serve(nothing, access=access) as channel:
        database.server.stop()
        try:
            for each in (token, unknown):
                assert await rejection(get_tenant(channel, key=each)) == (
                    grpc.StatusCode.UNAVAILABLE,
                    "STORAGE_UNAVAILABLE",
                )
        finally:
            database.server.restart()

        await eventually(lambda: _is_accepted(channel, token))


async def _is_rejected(channel: grpc.aio.Channel, token: str) -> bool:
    return not await _is_accepted(channel, token)


async def _is_accepted(channel: grpc.aio.Channel, token: str) -> bool:
    try:
        await get_tenant(channel, key=token)
    except grpc.aio.AioRpcError:
        return False
    return True
