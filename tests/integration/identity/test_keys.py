import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.access import Scope, hash_token
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import (
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    GetCallerRequest,
    ListApiKeysRequest,
    RevokeApiKeyRequest,
    RotateApiKeyRequest,
    UpdateApiKeyRequest,
)
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest
from tests.factories import a_key, a_name, a_tenant
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.waiting import eventually

MONTH = 30 * 86_400  # the longest overlap, in seconds
FULL, SENDING, ADMIN = scope_pb2.SCOPE_FULL_ACCESS, scope_pb2.SCOPE_SENDING_ACCESS, scope_pb2.SCOPE_ADMIN


async def create(
    caller: Caller, scope: scope_pb2.Scope.ValueType = FULL, **more: object
) -> CreateApiKeyResponse:
    request = CreateApiKeyRequest(name="deploy", scope=scope, **more)  # type: ignore[arg-type]
    answer: CreateApiKeyResponse = await caller.keys.CreateApiKey(request)
    return answer


async def works(caller: Caller) -> bool:
    try:
        await caller.tenants.GetTenant(GetTenantRequest())
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise
    return True


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


async def test_a_rotated_key_and_its_successor_both_work_until_the_overlap_ends(
    caller: Caller, database: FreshDatabase
) -> None:
    made = await create(caller)
    old, before = Caller(caller.channel, made.token), datetime.now(UTC)

    rotated = await caller.keys.RotateApiKey(
        RotateApiKeyRequest(api_key_id=made.api_key.id, overlap=Duration(seconds=3600))
    )

    new = Caller(caller.channel, rotated.token)
    assert await works(old)
    assert await works(new)
    assert rotated.replaced.id == made.api_key.id
    assert rotated.replaced.replaced_by == rotated.api_key.id
    assert rotated.replaced.expire_time.ToDatetime(tzinfo=UTC) - before < timedelta(hours=1, minutes=1)
    assert (rotated.api_key.name, rotated.api_key.scope) == (made.api_key.name, made.api_key.scope)
    assert not rotated.api_key.HasField("expire_time")
    await database.execute("UPDATE identity.api_keys SET expires_at = now() WHERE id = $1", made.api_key.id)

    async def ended() -> bool:
        return not await works(old)

    await eventually(ended)
    assert await works(new)


async def test_a_restricted_key_is_replaced_by_one_that_is_as_restricted(caller: Caller) -> None:
    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain
    made = await create(caller, SENDING, domain_ids=[domain.id])

    rotated = await caller.keys.RotateApiKey(RotateApiKeyRequest(api_key_id=made.api_key.id))

    assert (rotated.api_key.scope, list(rotated.api_key.domain_ids)) == (SENDING, [domain.id])


async def test_a_replaced_key_is_not_replaced_again(caller: Caller) -> None:
    """A caller that lost the response of a rotation learns which key to rotate instead."""
    made = await create(caller)
    request = RotateApiKeyRequest(api_key_id=made.api_key.id)
    rotated = await caller.keys.RotateApiKey(request)

    again = await refused(caller.keys.RotateApiKey(request))

    assert (again.code, again.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KEY_REPLACED")
    assert rotated.api_key.id in again.message
    day = rotated.replaced.expire_time.seconds - rotated.api_key.create_time.seconds
    assert day == timedelta(days=1).total_seconds()


async def test_a_key_that_expires_is_replaced_by_one_with_as_long_a_life(
    caller: Caller, database: FreshDatabase
) -> None:
    made = await create(caller, expire_time=datetime.now(UTC) + timedelta(days=10))
    await database.execute(
        "UPDATE identity.api_keys SET created_at = created_at - interval '9 days',"
        " expires_at = expires_at - interval '9 days' WHERE id = $1",
        made.api_key.id,
    )

    rotated = await caller.keys.RotateApiKey(
        RotateApiKeyRequest(api_key_id=made.api_key.id, overlap=Duration(seconds=MONTH))
    )

    left = rotated.api_key.expire_time.ToDatetime(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(days=9, hours=23) < left <= timedelta(days=10)
    assert rotated.replaced.expire_time.ToDatetime(tzinfo=UTC) - datetime.now(UTC) < timedelta(days=1)


async def test_only_a_live_and_visible_key_is_rotated_with_a_bounded_overlap(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    theirs, mine, revoked = await create(other), await create(caller), await create(caller)
    await caller.keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=revoked.api_key.id))
    larger = await a_key(database, UUID(mine.api_key.tenant_id), Scope.ADMIN)
    (admin,) = await database.fetch(
        "SELECT id FROM identity.api_keys WHERE key_hash = $1", hash_token(larger)
    )

    for unknown in (theirs.api_key.id, revoked.api_key.id, str(admin["id"]), str(uuid4()), "garbage"):
        rejection = await refused(caller.keys.RotateApiKey(RotateApiKeyRequest(api_key_id=unknown)))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND")
    for overlap in (Duration(seconds=MONTH + 1), Duration(seconds=-1)):
        request = RotateApiKeyRequest(api_key_id=mine.api_key.id, overlap=overlap)
        rejection = await refused(caller.keys.RotateApiKey(request))
        assert rejection.fields.keys() == {"overlap"}


async def test_a_tenant_at_its_limit_of_keys_can_rotate_without_an_overlap(identity: Identity) -> None:
    async with identity.start(keys_per_tenant=2) as channel:
        caller = await identity.a_caller(channel)
        made = await create(caller)

        rejection = await refused(caller.keys.RotateApiKey(RotateApiKeyRequest(api_key_id=made.api_key.id)))
        at_once = RotateApiKeyRequest(api_key_id=made.api_key.id, overlap=Duration())
        rotated = await caller.keys.RotateApiKey(at_once)

        assert rejection.reason == "TOO_MANY_KEYS"
        assert await works(Caller(channel, rotated.token))


async def test_an_operator_rotates_the_key_of_the_services(
    identity: Identity, database: FreshDatabase
) -> None:
    service = await a_key(database, await a_tenant(database), Scope.SERVICE)
    (row,) = await database.fetch("SELECT id FROM identity.api_keys WHERE key_hash = $1", hash_token(service))
    async with identity.start() as channel:
        operator = Caller(channel, identity.admin_token)

        rotated = await operator.keys.RotateApiKey(RotateApiKeyRequest(api_key_id=str(row["id"])))

        assert rotated.api_key.scope == scope_pb2.SCOPE_SERVICE
        await Caller(channel, rotated.token).keys.GetCaller(GetCallerRequest())


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
