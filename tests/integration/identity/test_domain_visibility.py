"""Visibility of domains: pages, filters and search return a tenant's own domains only."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.access import Scope
from letterhead.identity.v1.domain_reason_pb2 import DomainReason
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
    RepairDomainRequest,
    UpdateDomainRequest,
)
from tests.factories import a_name, a_provisioned_domain, a_ready_domain, a_tenant
from tests.integration.identity.callers import Caller, CallError, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase


async def create(caller: Caller, name: str | None = None) -> Domain:
    domain: Domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=name or a_name()))).domain
    return domain


async def test_pages_list_every_domain_once_newest_first_with_its_records(caller: Caller) -> None:
    made = [(await create(caller)).id for _ in range(5)]

    seen: list[Domain] = []
    token = ""
    while True:
        page = await caller.domains.ListDomains(ListDomainsRequest(page_size=2, page_token=token))
        seen += page.domains
        if not (token := page.next_page_token):
            break

    assert [domain.id for domain in seen] == made[::-1]
    assert {len(domain.records) for domain in seen} == {6}


async def test_a_list_can_start_at_a_domain_in_both_directions(caller: Caller) -> None:
    made = [(await create(caller)).id for _ in range(4)]

    async def listed(**fields: Any) -> tuple[list[int], bool]:
        answer = await caller.domains.ListDomains(ListDomainsRequest(page_size=2, **fields))
        return [made.index(domain.id) for domain in answer.domains], bool(answer.next_page_token)

    assert await listed(after_id=made[3]) == ([2, 1], True)
    assert await listed(after_id=made[1]) == ([0], False)
    assert await listed(before_id=made[0]) == ([2, 1], True)
    assert await listed(before_id=made[1]) == ([3, 2], False)


async def test_a_long_page_has_the_records_of_each_domain(admin: Caller, database: FreshDatabase) -> None:
    tenant_id = await a_tenant(database)
    made = [await a_provisioned_domain(database, tenant_id) for _ in range(12)]

    answer = await admin.domains.ListDomains(ListDomainsRequest(tenant_id=str(tenant_id), page_size=1000))

    shown = {domain.name: [record.name for record in domain.records][:3] for domain in answer.domains}
    assert shown == {each.name: [f"{token}._domainkey.{each.name}" for token in each.tokens] for each in made}


async def test_the_state_comes_from_verifier_and_filters_the_list(
    identity: Identity, channel: grpc.aio.Channel, admin: Caller, database: FreshDatabase
) -> None:
    tenant_id = await a_tenant(database)
    ready = await a_ready_domain(database, tenant_id)
    await database.execute(
        "UPDATE verifier.verifications SET state_note = 'It can send.', state_reason = 'CAN_SEND'"
    )
    pending = await a_provisioned_domain(database, tenant_id)

    async def listed(*states: Domain.State.ValueType) -> list[str]:
        answer = await admin.domains.ListDomains(ListDomainsRequest(tenant_id=str(tenant_id), states=states))
        return [domain.id for domain in answer.domains]

    assert await listed() == [str(pending.claim_id), str(ready.claim_id)]
    assert await listed(Domain.STATE_READY) == [str(ready.claim_id)]
    assert await listed(Domain.STATE_PENDING, Domain.STATE_LOST) == [str(pending.claim_id)]
    shown = (await admin.domains.GetDomain(GetDomainRequest(domain_id=str(ready.claim_id)))).domain
    assert shown.state == Domain.STATE_READY
    assert shown.state_message == "It can send."
    assert shown.state_reason == DomainReason.DOMAIN_REASON_CAN_SEND


async def test_a_domain_of_another_tenant_is_not_found_by_any_rpc(caller: Caller, other: Caller) -> None:
    theirs = await create(other)
    missing = Domain(id=str(uuid4()), name=a_name(), mail_from_label="x", tenant_id=str(uuid4()))
    service = Caller(caller.channel, "")

    for unseen in (theirs, missing):
        mask = FieldMask(paths=["mail_from_label"])
        for call in (
            caller.domains.GetDomain(GetDomainRequest(domain_id=unseen.id)),
            caller.domains.GetDomain(GetDomainRequest(name=unseen.name)),
            caller.domains.UpdateDomain(UpdateDomainRequest(domain=unseen, update_mask=mask)),
            caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=unseen.id)),
        ):
            rejection = await refused(call)
            assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "DOMAIN_NOT_FOUND")
        for call in (
            caller.domains.GetDomain(GetDomainRequest(name=unseen.name, tenant_id=unseen.tenant_id)),
            caller.domains.ListDomains(ListDomainsRequest(tenant_id=unseen.tenant_id)),
            caller.domains.CreateDomain(CreateDomainRequest(tenant_id=unseen.tenant_id, name=a_name())),
        ):
            rejection = await refused(call)
            assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")

    assert not (await caller.domains.ListDomains(ListDomainsRequest())).domains
    assert (await other.domains.GetDomain(GetDomainRequest(domain_id=theirs.id))).domain == theirs
    assert (await refused(service.domains.ListDomains(ListDomainsRequest()))).reason == "KEY_MISSING"


async def test_an_invalid_id_is_not_found(caller: Caller) -> None:
    rejection = await refused(caller.domains.GetDomain(GetDomainRequest(domain_id="garbage")))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "DOMAIN_NOT_FOUND")


@pytest.mark.parametrize("scope", [Scope.SENDING_ACCESS, Scope.SERVICE])
async def test_domains_require_scope_full_access(
    identity: Identity, channel: grpc.aio.Channel, scope: Scope
) -> None:
    caller = await identity.a_caller(channel, scope)

    for call in (
        caller.domains.CreateDomain(CreateDomainRequest(name=a_name())),
        caller.domains.GetDomain(GetDomainRequest(name=a_name())),
        caller.domains.ListDomains(ListDomainsRequest()),
        caller.domains.UpdateDomain(UpdateDomainRequest()),
        caller.domains.DeleteDomain(DeleteDomainRequest()),
    ):
        assert is_too_small(await refused(call))


async def test_repair_requires_scope_service(caller: Caller) -> None:
    assert is_too_small(await refused(caller.domains.RepairDomain(RepairDomainRequest())))


def is_too_small(rejection: CallError) -> bool:
    return (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")


async def test_domains_can_be_searched_by_a_part_of_their_name(caller: Caller) -> None:
    stem = a_name().removesuffix(".com")
    wanted = [await create(caller, f"{label}.{stem}.com") for label in ("a", "b")]
    await create(caller)

    answer = await caller.domains.ListDomains(ListDomainsRequest(search=f" {stem.upper()} "))

    assert [each.id for each in answer.domains] == [each.id for each in wanted[::-1]]
    too_long = caller.domains.ListDomains(ListDomainsRequest(search="x" * 201))
    assert list((await refused(too_long)).fields) == ["search"]
