"""Claims of two tenants on one name: which of them must prove it, and how they affect each other."""

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


async def ownerships(database: FreshDatabase, name: str) -> list[str]:
    rows = await database.fetch("SELECT ownership FROM identity.claims WHERE name = $1 ORDER BY id", name)
    return [row["ownership"] for row in rows]


async def gone(caller: Caller, domain: Domain) -> bool:
    answer = await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))
    return bool(answer.domain.state == Domain.STATE_DELETED)


def shown(domain: Domain) -> set[str]:
    return {DnsRecord.Purpose.Name(record.purpose).removeprefix("PURPOSE_") for record in domain.records}


async def seen(caller: Caller, domain: Domain) -> Domain:
    now: Domain = (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
    return now


async def test_an_undisputed_name_shows_its_records_and_no_token(caller: Caller) -> None:
    domain = await create(caller, a_name())

    assert domain.ownership == Domain.OWNERSHIP_SOLE
    assert shown(domain) == {"DKIM", "RETURN_PATH", "SPF", "DMARC"}


async def test_a_name_server_that_fails_for_a_moment_costs_no_proof(
    caller: Caller, identity: Identity
) -> None:
    name = a_name()
    fault = {"zone": name, "kind": "servfail", "count": 4}
    await identity.internet.control.call("POST", "/dns/faults", fault)

    domain = await create(caller, name)

    assert domain.ownership == Domain.OWNERSHIP_SOLE


async def test_a_name_whose_servers_fail_must_be_proven(caller: Caller, identity: Identity) -> None:
    name = a_name()
    await identity.internet.control.call("POST", "/dns/faults", {"zone": name, "kind": "servfail"})

    domain = await create(caller, name)

    assert domain.ownership == Domain.OWNERSHIP_PROOF_DUE


async def test_two_unconfirmed_claims_must_both_be_proven_before_records_are_shown(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    """DNS has not shown yet that its owner authorized the first tenant, so both claims are equal."""
    name = a_name()

    first, second = await create(caller, name), await create(other, name)

    assert await ownerships(database, name) == ["PROOF_DUE", "PROOF_DUE"]
    first = await seen(caller, first)
    [mine], [theirs] = first.records, second.records
    assert mine.name == theirs.name == f"_letterhead.{name}"
    assert mine.value != theirs.value
    assert mine.value.startswith("letterhead-verification=")


async def test_a_claim_whose_dkim_was_found_before_the_rival_claimed_needs_no_proof(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    name = a_name()
    first = await create(caller, name)
    await database.execute(
        "INSERT INTO verifier.verifications"
        " (claim_id, generation, tenant_id, name, account, region, dkim_found_at)"
        " SELECT id, generation, tenant_id, name, account, region, now() FROM identity.claims WHERE id = $1",
        first.id,
    )

    await create(other, name)

    assert await ownerships(database, name) == ["SOLE", "PROOF_DUE"]
    now = await seen(caller, first)
    assert (now.records, now.generation, now.revision) == (first.records, first.generation, first.revision)


async def test_a_name_that_is_another_tenants_mail_from_domain_must_be_proven(
    caller: Caller, other: Caller
) -> None:
    parent = await create(caller, a_name())

    domain = await create(other, f"send.{parent.name}")

    assert domain.ownership == Domain.OWNERSHIP_PROOF_DUE


async def test_a_second_claim_does_not_change_the_identity_at_ses(
    caller: Caller, other: Caller, identity: Identity
) -> None:
    name = a_name()
    await create(caller, name)
    await identity.provisioned()
    before = await identity.as_made(name)

    await create(other, name, label="evil")

    assert await identity.as_made(name) == before
    assert len(await identity.controls("CreateEmailIdentity", name)) == 1
    assert len(await identity.controls("GetEmailIdentity", name)) == 1


async def test_no_call_of_a_rival_changes_the_identity_at_ses(
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
    assert (await seen(caller, first)).ownership == Domain.OWNERSHIP_PROOF_DUE


async def test_the_identity_is_deleted_with_the_last_claim_not_with_the_holder(
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


async def test_concurrent_deletions_of_both_claims_delete_the_identity_once(
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


async def test_a_deleted_claim_that_was_never_ready_does_not_require_proof_of_the_next(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    name = a_name()
    first = await create(caller, name)
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=first.id))
    await eventually(lambda: gone(caller, first))

    await create(other, name, label="bounces")

    assert await ownerships(database, name) == ["SOLE", "SOLE"]


async def was_ready(database: FreshDatabase, domain: Domain) -> None:
    await database.execute(
        "INSERT INTO verifier.transitions (id, claim_id, generation, to_state, cause)"
        " VALUES (gen_random_uuid(), $1, 1, 'READY', 'DKIM and the return path are good.')",
        domain.id,
    )


async def test_a_deleted_claim_that_was_ready_requires_proof_of_another_tenant_only(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    name = a_name()
    first = await create(caller, name)
    await was_ready(database, first)
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=first.id))
    await eventually(lambda: gone(caller, first))

    again = await create(caller, name)
    assert again.ownership == Domain.OWNERSHIP_SOLE
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=again.id))
    await eventually(lambda: gone(caller, again))
    await create(other, name)

    assert await ownerships(database, name) == ["SOLE", "SOLE", "PROOF_DUE"]


async def test_concurrent_claims_must_all_be_proven(
    identity: Identity, caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    name = a_name()
    many = [caller, other, *[await identity.a_caller(caller.channel) for _ in range(6)]]

    await asyncio.gather(*(create(each, name) for each in many))

    assert await ownerships(database, name) == ["PROOF_DUE"] * 8
    assert len(await identity.controls("CreateEmailIdentity", name)) == 1


async def test_a_second_tenant_cannot_detect_the_first_by_the_response_time(
    identity: Identity, caller: Caller, other: Caller
) -> None:
    name, seconds = a_name(), []
    for operation in ("CreateEmailIdentity", "GetEmailIdentity"):
        await identity.fault(operation, "latency", latency_ms=400)

    for each in (caller, other):
        started = time.monotonic()
        await create(each, name)
        seconds.append(time.monotonic() - started)
        await identity.provisioned()

    assert min(seconds) >= 0.4
    calls = (await identity.internet.control.ledger())["controls"]
    assert [each["operation"] for each in calls] == [
        "CreateEmailIdentity", "PutEmailIdentityMailFromAttributes", "GetEmailIdentity"
    ]  # fmt: skip
