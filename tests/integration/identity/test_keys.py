import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.access import Scope, hash_token
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import (
    CreateApiKeyRequest,
    GetCallerRequest,
    ListApiKeysRequest,
    RevokeApiKeyRequest,
    UpdateApiKeyRequest,
)
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest
from tests.factories import a_key, a_name, a_tenant
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.integration.identity.keys import ADMIN, FULL, SENDING, create, works
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def test_a_key_works_at_once_and_its_token_is_not_stored(
    caller: Caller, database: FreshDatabase
) -> None:
    made = await create(caller)

    assert await works(Caller(caller.channel, made.token))
    assert made.api_key.hint == made.token[-4:]
    (row,) = await database.fetch("SELECT * FROM identity.api_keys WHERE id = $1", made.api_key.id)
    assert row["key_hash"] == hash_token(made.token)
    assert made.token not in str(dict(row))


async def test_a_revoked_key_is_rejected_within_a_second(caller: Caller) -> None:
    made = await create(caller)
    holder = Caller(caller.channel, made.token)
    assert await works(holder)

    revoked = await caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=made.api_key.id))
    revoked_at = time.monotonic()

    async def rejected() -> bool:
        return not await works(holder)

    await eventually(rejected)
    assert time.monotonic() - revoked_at <= 1
    assert revoked.api_key.revoke_time.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)
    again = await caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=made.api_key.id))
    assert again.api_key == revoked.api_key


async def test_an_expired_key_is_rejected(caller: Caller, database: FreshDatabase) -> None:
    made = await create(caller, expire_time=datetime.now(UTC) + timedelta(hours=1))
    holder = Caller(caller.channel, made.token)
    assert await works(holder)

    await database.execute("UPDATE identity.api_keys SET expires_at = now() WHERE id = $1", made.api_key.id)

    async def rejected() -> bool:
        return not await works(holder)

    await eventually(rejected)


async def test_a_key_can_be_restricted_to_domains_of_its_tenant_only(caller: Caller, other: Caller) -> None:
    mine, theirs = [
        (await each.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain.id
        for each in (caller, other)
    ]

    made = await create(caller, SENDING, domain_ids=[mine, mine])

    assert list(made.api_key.domain_ids) == [mine]
    for unknown in (theirs, str(uuid4()), "garbage"):
        rejection = await refused(create(caller, SENDING, domain_ids=[mine, unknown]))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "DOMAIN_NOT_FOUND")


BAD = (
    (CreateApiKeyRequest(scope=FULL), "name"),
    (CreateApiKeyRequest(name="n" * 101, scope=FULL), "name"),
    (CreateApiKeyRequest(name="n"), "scope"),
    (CreateApiKeyRequest(name="n", scope=scope_pb2.SCOPE_SERVICE), "scope"),
    (CreateApiKeyRequest(name="n", scope=99), "scope"),  # type: ignore[arg-type]
    (CreateApiKeyRequest(name="n", scope=FULL, domain_ids=[str(uuid4())]), "domain_ids"),
    (CreateApiKeyRequest(name="n", scope=SENDING, domain_ids=["x"] * 101), "domain_ids"),
    (CreateApiKeyRequest(name="n", scope=FULL, expire_time=Timestamp(seconds=1)), "expire_time"),
    (CreateApiKeyRequest(name="n", scope=FULL, expire_time=Timestamp(seconds=10**15)), "expire_time"),
    (CreateApiKeyRequest(name="n", scope=FULL, request_id="r" * 257), "request_id"),
)


async def test_an_invalid_field_is_named_and_nothing_is_stored(
    caller: Caller, database: FreshDatabase
) -> None:
    (before,) = await database.fetch("SELECT count(*) FROM identity.api_keys")

    for request, field in BAD:
        rejection = await refused(caller.keys.CreateApiKey(request))

        assert (rejection.code, rejection.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert rejection.fields.keys() == {field}

    assert await database.fetch("SELECT count(*) FROM identity.api_keys") == [before]


async def test_a_repeated_request_is_rejected(caller: Caller) -> None:
    outcomes = await asyncio.gather(
        *(create(caller, request_id="r") for _ in range(10)), return_exceptions=True
    )

    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    rejection = await refused(create(caller, request_id="r"))
    assert (rejection.code, rejection.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_the_number_of_active_keys_per_tenant_is_limited(identity: Identity) -> None:
    async with identity.start(keys_per_tenant=2) as channel:
        caller = await identity.a_caller(channel)
        made = await create(caller)

        rejection = await refused(create(caller))

        assert (rejection.code, rejection.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_KEYS")
        await caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=made.api_key.id))
        assert (await create(caller)).token


async def test_a_key_can_neither_create_nor_see_a_key_of_larger_scope(
    identity: Identity, caller: Caller, admin: Caller, channel: grpc.aio.Channel
) -> None:
    own = (await caller.tenants.GetTenant(GetTenantRequest())).tenant.id
    larger = await create(admin, ADMIN, tenant_id=own)

    unseen = await refused(caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=larger.api_key.id)))
    assert (unseen.code, unseen.reason) == (grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND")
    listed = (await caller.keys.ListApiKeys(ListApiKeysRequest())).api_keys
    assert larger.api_key.id not in {each.id for each in listed}
    for call in (
        create(caller, ADMIN),
        create(await identity.a_caller(channel, Scope.SENDING_ACCESS), SENDING),
        create(await identity.a_caller(channel, Scope.SERVICE), SENDING),
    ):
        rejection = await refused(call)
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")

    assert await works(Caller(channel, larger.token))


async def test_a_key_can_be_renamed_and_nothing_else_of_it_changes(caller: Caller) -> None:
    made = await create(caller)

    request = UpdateApiKeyRequest(api_key_id=made.api_key.id, name="production")
    renamed = (await caller.keys.UpdateApiKey(request)).api_key

    assert renamed.name == "production"
    renamed.name = made.api_key.name
    assert renamed == made.api_key
    assert await works(Caller(caller.channel, made.token))
    empty = await refused(caller.keys.UpdateApiKey(UpdateApiKeyRequest(api_key_id=made.api_key.id)))
    assert empty.fields.keys() == {"name"}


async def test_a_key_can_rename_neither_keys_of_another_tenant_nor_of_larger_scope(
    caller: Caller, other: Caller, admin: Caller
) -> None:
    own = (await caller.tenants.GetTenant(GetTenantRequest())).tenant.id
    larger = await create(admin, ADMIN, tenant_id=own)

    for unseen in ((await create(other)).api_key.id, larger.api_key.id, str(uuid4()), "garbage"):
        rejection = await refused(
            caller.keys.UpdateApiKey(UpdateApiKeyRequest(api_key_id=unseen, name="mine"))
        )
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND")


async def test_keys_of_another_tenant_are_not_found(caller: Caller, other: Caller, admin: Caller) -> None:
    theirs = await create(other)

    for missing in (theirs.api_key.id, str(uuid4()), "garbage"):
        rejection = await refused(caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=missing)))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND")
    for call in (
        caller.keys.ListApiKeys(ListApiKeysRequest(tenant_id=theirs.api_key.tenant_id)),
        create(caller, tenant_id=theirs.api_key.tenant_id),
        create(caller, tenant_id=str(uuid4())),
        create(admin, tenant_id=str(uuid4())),
    ):
        rejection = await refused(call)
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")
    assert await works(Caller(caller.channel, theirs.token))


async def test_pages_list_every_key_once_newest_first_including_revoked_ones(caller: Caller) -> None:
    made = [(await create(caller, SENDING)).api_key.id for _ in range(4)]
    await caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=made[0]))

    seen: list[str] = []
    token = ""
    while True:
        answer = await caller.keys.ListApiKeys(ListApiKeysRequest(page_size=2, page_token=token))
        seen += [key.id for key in answer.api_keys]
        if not (token := answer.next_page_token):
            break

    assert seen[:4] == made[::-1]
    assert len(seen) == 5  # the fifth is the caller's own key


async def test_a_list_can_start_at_a_key_and_be_limited_to_active_keys(caller: Caller) -> None:
    made = [(await create(caller, SENDING)).api_key.id for _ in range(4)]
    await caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=made[1]))

    older = await caller.keys.ListApiKeys(ListApiKeysRequest(after_id=made[3], page_size=2, live_only=True))
    newer = await caller.keys.ListApiKeys(ListApiKeysRequest(before_id=made[1], page_size=1))

    assert [key.id for key in older.api_keys] == [made[2], made[0]]
    assert [key.id for key in newer.api_keys] == [made[2]]
    assert newer.next_page_token


@pytest.mark.parametrize("scope", [Scope.ADMIN, Scope.FULL_ACCESS, Scope.SENDING_ACCESS, Scope.SERVICE])
async def test_any_key_can_get_its_own_tenant(
    identity: Identity, channel: grpc.aio.Channel, scope: Scope
) -> None:
    tenant = await a_tenant(identity.database)
    caller = Caller(channel, await a_key(identity.database, tenant, scope))

    assert (await caller.keys.GetCaller(GetCallerRequest())).tenant_id == str(tenant)
