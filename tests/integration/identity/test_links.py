import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest

from chassis.access import LINK_PREFIX, Scope, hash_token
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest, ListApiKeysRequest
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
)
from letterhead.identity.v1.links_pb2 import (
    CreateLinkRequest,
    CreateLinkResponse,
    ListLinksRequest,
    OpenLinkRequest,
    RevokeLinkRequest,
)
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest
from tests.factories import a_name
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def a_domain(caller: Caller) -> Domain:
    made: Domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain
    return made


async def a_link(caller: Caller, domain: Domain, **more: object) -> CreateLinkResponse:
    request = CreateLinkRequest(domain_id=domain.id, **more)  # type: ignore[arg-type]
    made: CreateLinkResponse = await caller.links.CreateLink(request)
    return made


async def opens(holder: Caller) -> bool:
    try:
        await holder.links.OpenLink(OpenLinkRequest())
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise
    return True


async def test_a_link_opens_its_domain_and_its_token_is_not_stored(
    caller: Caller, database: FreshDatabase
) -> None:
    domain = await a_domain(caller)

    made = await a_link(caller, domain, name="Ada at the registrar")
    holder = Caller(caller.channel, made.token)

    assert made.token.startswith(LINK_PREFIX)
    assert (await holder.links.OpenLink(OpenLinkRequest())).link == made.link
    assert (await holder.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain.name == domain.name
    (row,) = await database.fetch("SELECT * FROM identity.links WHERE id = $1", made.link.id)
    assert row["token_hash"] == hash_token(made.token)
    assert made.token not in str(dict(row))


async def test_a_link_opens_no_other_domain(caller: Caller, other: Caller) -> None:
    linked, second, theirs = [await a_domain(each) for each in (caller, caller, other)]
    holder = Caller(caller.channel, (await a_link(caller, linked)).token)

    for each in (second, theirs):
        call = holder.domains.GetDomain(GetDomainRequest(domain_id=each.id))
        assert (await refused(call)).reason == "DOMAIN_NOT_FOUND"
    by_name = holder.domains.GetDomain(GetDomainRequest(name=second.name))
    assert (await refused(by_name)).reason == "DOMAIN_NOT_FOUND"


async def test_a_link_cannot_call_any_other_rpc(caller: Caller) -> None:
    domain = await a_domain(caller)
    made = await a_link(caller, domain)
    holder = Caller(caller.channel, made.token)

    calls = (
        holder.domains.ListDomains(ListDomainsRequest()),
        holder.domains.CreateDomain(CreateDomainRequest(name=a_name())),
        holder.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id)),
        holder.keys.ListApiKeys(ListApiKeysRequest()),
        holder.keys.CreateApiKey(CreateApiKeyRequest(name="mine", scope=scope_pb2.SCOPE_SENDING_ACCESS)),
        holder.tenants.GetTenant(GetTenantRequest()),
        holder.links.CreateLink(CreateLinkRequest(domain_id=domain.id)),
        holder.links.ListLinks(ListLinksRequest(domain_id=domain.id)),
        holder.links.RevokeLink(RevokeLinkRequest(link_id=made.link.id)),
    )
    for call in calls:
        assert (await refused(call)).reason == "SCOPE_TOO_SMALL"


async def test_a_revoked_link_is_rejected_within_a_second(caller: Caller) -> None:
    made = await a_link(caller, await a_domain(caller))
    holder = Caller(caller.channel, made.token)
    assert await opens(holder)

    revoked = await caller.links.RevokeLink(RevokeLinkRequest(link_id=made.link.id))
    revoked_at = time.monotonic()

    async def rejected() -> bool:
        return not await opens(holder)

    await eventually(rejected)
    assert time.monotonic() - revoked_at <= 1
    again = await caller.links.RevokeLink(RevokeLinkRequest(link_id=made.link.id))
    assert again.link == revoked.link


@pytest.mark.parametrize("ended", ["UPDATE identity.links SET expires_at = now()", "DELETE"])
async def test_a_link_stops_working_when_it_expires_or_its_domain_is_deleted(
    caller: Caller, database: FreshDatabase, ended: str
) -> None:
    domain = await a_domain(caller)
    holder = Caller(caller.channel, (await a_link(caller, domain)).token)
    assert await opens(holder)

    if ended == "DELETE":
        await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))
    else:
        await database.execute(ended)

    async def rejected() -> bool:
        return not await opens(holder)

    await eventually(rejected)


async def test_a_link_expires_after_thirty_days_by_default(caller: Caller) -> None:
    domain = await a_domain(caller)
    requested = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)

    usual, short = await a_link(caller, domain), await a_link(caller, domain, expire_time=requested)

    lifetime = usual.link.expire_time.ToDatetime() - usual.link.create_time.ToDatetime()
    assert lifetime == timedelta(days=30)
    assert short.link.expire_time.ToDatetime(tzinfo=UTC) == requested


@pytest.mark.parametrize("expiry", [timedelta(days=-1), timedelta(days=91)])
async def test_an_expiry_in_the_past_or_beyond_90_days_is_rejected(caller: Caller, expiry: timedelta) -> None:
    domain = await a_domain(caller)

    rejection = await refused(a_link(caller, domain, expire_time=datetime.now(UTC) + expiry))

    assert rejection.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(rejection.fields) == ["expire_time"]


async def test_links_are_listed_newest_first_for_their_tenant_only(caller: Caller, other: Caller) -> None:
    domain = await a_domain(caller)
    made = [(await a_link(caller, domain, name=str(number))).link for number in range(3)]

    first = await caller.links.ListLinks(ListLinksRequest(domain_id=domain.id, page_size=2))
    rest = await caller.links.ListLinks(
        ListLinksRequest(domain_id=domain.id, page_token=first.next_page_token)
    )

    assert [*first.links, *rest.links] == made[::-1]
    theirs = other.links.ListLinks(ListLinksRequest(domain_id=domain.id))
    assert (await refused(theirs)).reason == "DOMAIN_NOT_FOUND"
    revoking = other.links.RevokeLink(RevokeLinkRequest(link_id=made[0].id))
    assert (await refused(revoking)).reason == "LINK_NOT_FOUND"


async def test_a_repeated_create_is_rejected(caller: Caller) -> None:
    domain, request_id = await a_domain(caller), str(uuid4())
    await a_link(caller, domain, request_id=request_id)

    again = caller.links.CreateLink(CreateLinkRequest(domain_id=domain.id, request_id=request_id))

    assert (await refused(again)).reason == "REQUEST_ID_REUSED"


async def test_the_number_of_active_links_per_domain_is_limited(identity: Identity) -> None:
    async with identity.start(links_per_domain=2) as channel:
        caller = await identity.a_caller(channel)
        domain = await a_domain(caller)
        first, _ = await a_link(caller, domain), await a_link(caller, domain)

        third = caller.links.CreateLink(CreateLinkRequest(domain_id=domain.id))
        assert (await refused(third)).reason == "TOO_MANY_LINKS"
        await caller.links.RevokeLink(RevokeLinkRequest(link_id=first.link.id))
        await a_link(caller, domain)


async def test_a_sending_key_cannot_create_links(identity: Identity, caller: Caller) -> None:
    sending = await identity.a_caller(caller.channel, Scope.SENDING_ACCESS)

    rejection = await refused(sending.links.CreateLink(CreateLinkRequest(domain_id=str(uuid4()))))

    assert rejection.reason == "SCOPE_TOO_SMALL"
