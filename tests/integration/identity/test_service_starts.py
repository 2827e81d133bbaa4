"""Service start, Postgres outages and retention."""

import asyncio
from datetime import timedelta

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.access import Scope, generate_key
from chassis.config import Secret
from chassis.retention import Retention
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, Domain, GetDomainRequest
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest, ListTenantsRequest
from services.identity.config import Keys
from services.identity.store.retention import RULES
from tests.factories import a_link, a_name, a_ready_domain, a_tenant, bearer
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def is_serving(channel: grpc.aio.Channel, key: str) -> bool:
    """Return whether the health check at the gRPC port, which needs a key and so Postgres, succeeds."""
    request = health_pb2.HealthCheckRequest(service="letterhead.identity.v1.DomainService")
    try:
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, metadata=bearer(key))
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def test_replicas_that_start_concurrently_create_the_initial_keys_once(
    identity: Identity, database: FreshDatabase
) -> None:
    service_token = generate_key()[0]
    keys = Keys(admin_key=Secret(identity.admin_token), service_key=Secret(service_token))

    async def one(_: int) -> None:
        async with identity.start(keys=keys) as channel:
            assert (
                await Caller(channel, identity.admin_token).tenants.GetTenant(GetTenantRequest())
            ).tenant.name
            assert (await Caller(channel, service_token).tenants.GetTenant(GetTenantRequest())).tenant.name

    await asyncio.gather(*map(one, range(3)))

    rows = await database.fetch(
        "SELECT t.name, k.scope, k.hint FROM identity.api_keys k"
        " JOIN identity.tenants t ON t.id = k.tenant_id ORDER BY k.scope"
    )
    assert [tuple(row) for row in rows] == [
        ("operator", Scope.ADMIN, identity.admin_token[-4:]),
        ("operator", Scope.SERVICE, service_token[-4:]),
    ]


@pytest.fixture
async def durable(database: FreshDatabase) -> FreshDatabase:
    """Return a database with synchronous commits, which tests usually turn off, so it survives a kill."""
    await database.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = on")
    return database


async def test_calls_fail_during_a_postgres_outage_and_all_data_is_there_afterwards(
    durable: FreshDatabase, caller: Caller
) -> None:
    domain: Domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain
    assert await eventually(lambda: is_serving(caller.channel, caller.key))

    durable.server.kill()
    rejections = [
        await refused(caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id), timeout=20)),
        await refused(caller.domains.CreateDomain(CreateDomainRequest(name=a_name()), timeout=20)),
    ]

    assert {(each.code, each.reason) for each in rejections} == {
        (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
    }
    await eventually(lambda: not_serving(caller.channel, caller.key))
    durable.server.restart()
    await eventually(lambda: is_serving(caller.channel, caller.key), within=timedelta(seconds=10))
    found = await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))
    assert found.domain == domain
    made = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))
    assert made.domain.state == Domain.STATE_PENDING


async def not_serving(channel: grpc.aio.Channel, key: str) -> bool:
    return not await is_serving(channel, key)


async def test_a_service_that_starts_before_postgres_creates_its_keys_later(
    identity: Identity,
) -> None:
    postgres = identity.database.server
    postgres.kill()
    async with identity.start() as channel:
        assert await not_serving(channel, identity.admin_token)
        admin = Caller(channel, identity.admin_token)
        rejection = await refused(admin.tenants.ListTenants(ListTenantsRequest(), timeout=20))
        assert rejection.code is grpc.StatusCode.UNAVAILABLE

        postgres.restart()
        await eventually(lambda: is_serving(channel, identity.admin_token), within=timedelta(seconds=15))

        assert (await admin.tenants.ListTenants(ListTenantsRequest())).tenants[0].name == "operator"


async def test_a_request_id_is_deleted_after_thirty_days(
    caller: Caller, identity: Identity, database: FreshDatabase
) -> None:
    for request_id in ("old", "new"):
        await caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id=request_id))
    await database.execute(
        "UPDATE identity.requests SET created_at = now() - interval '31 days' WHERE request_id = 'old'"
    )

    async with database.open("identity") as opened:
        more = await Retention(opened, RULES).delete_old()

    rows = await database.fetch("SELECT request_id FROM identity.requests")
    assert ([row["request_id"] for row in rows], more) == (["new"], False)


async def test_a_link_is_deleted_ninety_days_after_it_ended(
    database: FreshDatabase,
) -> None:
    """A link ends when it expires or is revoked, whichever is first; an active link is kept at any age."""
    domain = await a_ready_domain(database, await a_tenant(database))
    for _ in range(5):
        await a_link(database, domain)
    await database.execute(
        "UPDATE identity.links AS l SET created_at = now() - interval '1 year', name = aged.name,"
        "  revoked_at = now() - make_interval(days => aged.revoked),"
        "  expires_at = now() - make_interval(days => aged.expired)"
        " FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM identity.links) AS numbered"
        " JOIN (VALUES (1, 'expired', NULL::integer, 91), (2, 'revoked', 91, -30),"
        "  (3, 'revoked late', 1, -30), (4, 'expired late', NULL, 89), (5, 'alive', NULL, -1)"
        " ) AS aged (n, name, revoked, expired) USING (n)"
        " WHERE l.id = numbered.id"
    )

    async with database.open("identity") as opened:
        more = await Retention(opened, RULES).delete_old()

    rows = await database.fetch("SELECT name FROM identity.links ORDER BY id")
    assert [row["name"] for row in rows] == ["revoked late", "expired late", "alive"]
    assert not more
