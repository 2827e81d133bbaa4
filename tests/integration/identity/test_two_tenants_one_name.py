"""A second tenant's claim on a name looks like a first one, and can do the first no harm."""

import asyncio
import time

from google.protobuf.field_mask_pb2 import FieldMask

from chassis.access import Scope
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    DnsRecord,
    Domain,
    GetDomainRequest,
    RepairDomainRequest,
    UpdateDomainRequest,
)
from tests.factories import a_name
from tests.integration.identity.callers import Caller
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.waiting import eventually

CHANGES = (
    "PutEmailIdentityMailFromAttributes",
    "PutEmailIdentityDkimSigningAttributes",
    "DeleteEmailIdentity",
)


async def create(caller: Caller, name: str, label: str = "") -> Domain:
    request = CreateDomainRequest(name=name, mail_from_label=label)
    domain: Domain = (await caller.domains.CreateDomain(request)).domain
    return domain


async def claims(database: FreshDatabase, name: str) -> list[tuple[bool, bool]]:
    rows = await database.fetch(
        "SELECT holder, ownership_demanded FROM identity.claims WHERE name = $1 ORDER BY id", name
    )
    return [tuple(row) for row in rows]


async def gone(caller: Caller, domain: Domain) -> bool:
    answer = await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))
    return bool(answer.domain.state == Domain.STATE_DELETED)


async def test_both_are_answered_alike_and_the_first_holds_the_name(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    name = a_name()

    first, second = await create(caller, name), await create(other, name)

    assert first.id != second.id
    for shown in ("name", "state", "state_note", "region", "mail_from_label", "generation", "revision"):
        assert getattr(first, shown) == getattr(second, shown)
    assert first.records == second.records
    assert await claims(database, name) == [(True, False), (False, True)]


async def test_only_the_first_changes_what_ses_has(caller: Caller, other: Caller, identity: Identity) -> None:
    name = a_name()
    await create(caller, name)
    await identity.provisioned()
    before = await identity.as_made(name)

    second = await create(other, name, label="evil")

    assert [record.name for record in second.records if record.purpose == DnsRecord.PURPOSE_SPF] == [
        f"evil.{name}"
    ]
    assert await identity.as_made(name) == before
    assert len(await identity.controls("CreateEmailIdentity", name)) == 1
    assert len(await identity.controls("GetEmailIdentity", name)) == 1


async def test_nothing_a_challenger_does_touches_the_identity(
    caller: Caller, other: Caller, identity: Identity
) -> None:
    name = a_name()
    first, second = await create(caller, name), await create(other, name)
    await identity.provisioned()
    before = await identity.as_made(name)
    counted = [len(await identity.controls(change)) for change in CHANGES]

    relabelled = Domain(id=second.id, mail_from_label="evil")
    mask = FieldMask(paths=["mail_from_label"])
    await other.domains.UpdateDomain(UpdateDomainRequest(domain=relabelled, update_mask=mask))
    service = await identity.a_caller(other.channel, Scope.SERVICE)
    drifted = RepairDomainRequest.CAUSE_MAIL_FROM_DRIFTED
    repair = RepairDomainRequest(domain_id=second.id, generation=2, cause=drifted)
    await service.domains.RepairDomain(repair)
    await other.domains.DeleteDomain(DeleteDomainRequest(domain_id=second.id))
    await eventually(lambda: gone(other, second))

    assert await identity.as_made(name) == before
    assert [len(await identity.controls(change)) for change in CHANGES] == counted
    kept = (await caller.domains.GetDomain(GetDomainRequest(domain_id=first.id))).domain
    assert kept == first


async def test_the_identity_outlives_the_holder_and_goes_with_the_last_claim(
    caller: Caller, other: Caller, identity: Identity
) -> None:
    name = a_name()
    first, second = await create(caller, name), await create(other, name)

    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=first.id))
    await eventually(lambda: gone(caller, first))
    assert not await identity.controls("DeleteEmailIdentity")

    await other.domains.DeleteDomain(DeleteDomainRequest(domain_id=second.id))
    await eventually(lambda: gone(other, second))
    assert len(await identity.controls("DeleteEmailIdentity", name)) == 1


async def test_both_deleting_at_once_leave_nothing_behind(
    caller: Caller, other: Caller, identity: Identity
) -> None:
    name = a_name()
    first, second = await create(caller, name), await create(other, name)

    await asyncio.gather(
        caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=first.id)),
        other.domains.DeleteDomain(DeleteDomainRequest(domain_id=second.id)),
    )

    await eventually(lambda: gone(caller, first))
    await eventually(lambda: gone(other, second))
    assert len(await identity.controls("DeleteEmailIdentity", name)) == 1


async def test_a_tombstone_makes_the_next_tenant_prove_itself_and_not_the_same_one(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    name = a_name()
    first = await create(caller, name)
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=first.id))
    await eventually(lambda: gone(caller, first))

    again = await create(caller, name)
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=again.id))
    await eventually(lambda: gone(caller, again))
    await create(other, name, label="bounces")

    assert await claims(database, name) == [(True, False), (True, False), (False, True)]


async def test_claims_at_once_have_one_holder(
    identity: Identity, caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    name = a_name()
    many = [caller, other, *[await identity.a_caller(caller.channel) for _ in range(6)]]

    await asyncio.gather(*(create(each, name) for each in many))

    assert sorted(await claims(database, name)) == [(False, True)] * 7 + [(True, False)]
    assert len(await identity.controls("CreateEmailIdentity", name)) == 1


async def test_a_second_tenant_waits_for_a_call_to_ses_too_and_cannot_tell_by_the_clock(
    identity: Identity, caller: Caller, other: Caller
) -> None:
    name, seconds = a_name(), []
    for operation in ("CreateEmailIdentity", "GetEmailIdentity"):
        await identity.fault(operation, "latency", latency_ms=400)

    for each in (caller, other):
        began = time.monotonic()
        await create(each, name)
        seconds.append(time.monotonic() - began)
        await identity.provisioned()

    assert min(seconds) >= 0.4
    calls = (await identity.internet.control.ledger())["controls"]
    assert [each["operation"] for each in calls] == [
        "CreateEmailIdentity", "PutEmailIdentityMailFromAttributes", "GetEmailIdentity"
    ]  # fmt: skip
