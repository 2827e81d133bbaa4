"""A key is replaced with overlap: the new one works at once, the old one until the overlap ends."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import grpc
from google.protobuf.duration_pb2 import Duration

from chassis.access import Scope, hash_token
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import (
    GetCallerRequest,
    RevokeApiKeyRequest,
    RotateApiKeyRequest,
)
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest
from tests.factories import a_key, a_name, a_tenant
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.integration.identity.keys import SENDING, create, works
from tests.stores import FreshDatabase
from tests.waiting import eventually

MONTH = 30 * 86_400  # the longest overlap, in seconds


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
