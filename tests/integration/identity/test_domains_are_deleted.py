"""Deletion waits for emails in flight, deletes only our SES identities, and allows to create a name again."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest

from chassis.ids import uuid7
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
)
from sandbox.client import SandboxError
from tests.factories import a_name
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually


async def create(caller: Caller, name: str, **more: Any) -> Domain:
    domain: Domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=name, **more))).domain
    return domain


async def delete(caller: Caller, domain: Domain) -> Domain:
    answer = await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))
    deleting: Domain = answer.domain
    return deleting


async def shown(caller: Caller, domain: Domain) -> Domain:
    answer: Domain = (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
    return answer


async def gone(caller: Caller, domain: Domain) -> bool:
    return (await shown(caller, domain)).state == Domain.STATE_DELETED


async def is_at_ses(identity: Identity, name: str) -> bool:
    try:
        await identity.at_ses(name)
    except SandboxError:
        return False
    return True


async def an_open_attempt(database: FreshDatabase, domain: Domain) -> None:
    """Store what sender stores before it submits an email to SES."""
    email_id = uuid7()
    await database.execute(
        "INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, size, expires_at)"
        " VALUES ($1, $2, $3, 'agent@' || $4, 'Hello', 1, now() + interval '1 day')",
        email_id, domain.tenant_id, domain.id, domain.name,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, number, worker, leased_until)"
        " VALUES ($1, $2, $3, $4, 1, 'test', now() + interval '1 minute')",
        uuid7(), email_id, domain.tenant_id, domain.id,
    )  # fmt: skip


async def test_a_domain_is_deleted_with_its_identity_and_leaves_a_tombstone(
    caller: Caller, identity: Identity, database: FreshDatabase, stream: FreshStream
) -> None:
    domain = await create(caller, a_name())

    deleting = await delete(caller, domain)

    assert deleting.state in (Domain.STATE_DELETING, Domain.STATE_DELETED)
    await eventually(lambda: gone(caller, domain))
    assert not await is_at_ses(identity, domain.name)
    tombstone = await shown(caller, domain)
    assert (tombstone.name, len(tombstone.records)) == (domain.name, 0)
    assert tombstone.state_message.endswith(".")
    assert not (await caller.domains.ListDomains(ListDomainsRequest())).domains
    request = ListDomainsRequest(states=[Domain.STATE_DELETED])
    assert [each.id for each in (await caller.domains.ListDomains(request)).domains] == [domain.id]
    rows = await database.fetch("SELECT from_phase, to_phase FROM identity.claim_transitions ORDER BY id")
    assert [row["to_phase"] for row in rows] == ["PROVISIONING", "ACTIVE", "DELETING", "DELETED"]
    (event,) = await eventually(lambda: stream.published("domain.deleted"))
    assert event["data"]["domain"]["id"] == domain.id


async def test_deletion_is_idempotent(caller: Caller, stream: FreshStream) -> None:
    domain = await create(caller, a_name())
    await asyncio.gather(*(delete(caller, domain) for _ in range(5)))
    await eventually(lambda: gone(caller, domain))

    again = await delete(caller, domain)

    assert again.state == Domain.STATE_DELETED
    assert len(await eventually(lambda: stream.published("domain.deleted"))) == 1


async def test_a_deleted_domain_is_not_found_by_name(caller: Caller) -> None:
    domain = await create(caller, a_name())
    await delete(caller, domain)
    await eventually(lambda: gone(caller, domain))

    rejection = await refused(caller.domains.GetDomain(GetDomainRequest(name=domain.name)))

    assert rejection.code is grpc.StatusCode.NOT_FOUND


async def test_deletion_waits_for_emails_in_flight(
    caller: Caller, identity: Identity, database: FreshDatabase
) -> None:
    domain = await create(caller, a_name())
    await an_open_attempt(database, domain)

    await delete(caller, domain)

    async def waits() -> bool:
        return "emails in flight: 1" in (await shown(caller, domain)).state_message

    await eventually(waits)
    assert (await shown(caller, domain)).state == Domain.STATE_DELETING
    assert await is_at_ses(identity, domain.name)
    await database.execute("UPDATE sender.attempts SET state = 'ACCEPTED', resolved_at = now()")
    await eventually(lambda: gone(caller, domain))
    assert not await is_at_ses(identity, domain.name)


async def test_deletion_waits_for_a_transaction_that_opens_an_attempt(
    caller: Caller, database: FreshDatabase
) -> None:
    domain = await create(caller, a_name())
    async with database.open("sender") as sender, sender.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock_shared(chassis.claim_lock($1))", domain.id)
        deleting = asyncio.create_task(delete(caller, domain))
        await eventually(lambda: waiting_for_a_lock(database))
        assert (await shown(caller, domain)).state == Domain.STATE_PENDING

    assert (await deleting).state in (Domain.STATE_DELETING, Domain.STATE_DELETED)


async def waiting_for_a_lock(database: FreshDatabase) -> bool:
    return bool(await database.fetch("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))


async def test_an_identity_whose_tag_was_removed_stays_and_the_history_says_so(
    caller: Caller, identity: Identity, database: FreshDatabase
) -> None:
    domain = await create(caller, a_name())
    await identity.change_at_ses(domain.name, tags={"owner": "someone else"})

    await delete(caller, domain)

    await eventually(lambda: gone(caller, domain))
    assert await is_at_ses(identity, domain.name)
    (row,) = await database.fetch("SELECT cause FROM identity.claim_transitions WHERE to_phase = 'DELETED'")
    assert row["cause"] == "left at SES: Letterhead did not create it"


async def test_a_domain_whose_identity_is_already_deleted_is_deleted(
    caller: Caller, identity: Identity
) -> None:
    domain = await create(caller, a_name())
    await identity.call_ses("delete_email_identity", EmailIdentity=domain.name)

    await delete(caller, domain)

    await eventually(lambda: gone(caller, domain))


@pytest.mark.parametrize("operation", ["GetEmailIdentity", "DeleteEmailIdentity"])
async def test_a_name_created_again_during_its_deletion_is_provisioned(
    caller: Caller, identity: Identity, operation: str
) -> None:
    first = await create(caller, a_name())
    await identity.fault(operation, "latency", latency_ms=400, count=1)
    before = len(await identity.controls(operation))
    await delete(caller, first)
    await eventually(lambda: called(identity, operation, before + 1))

    second = await create(caller, first.name, mail_from_label="bounces")

    assert second.id != first.id
    assert second.state == Domain.STATE_PENDING
    assert await gone(caller, first)
    await identity.provisioned()
    at_ses = await identity.at_ses(first.name)
    assert at_ses["mail_from_domain"] == f"bounces.{first.name}"
    assert [record.name.partition(".")[0] for record in second.records[:3]] == at_ses["tokens"]


async def called(identity: Identity, operation: str, times: int) -> bool:
    return len(await identity.controls(operation)) >= times


async def test_a_claim_of_another_tenant_during_the_deletion_keeps_the_identity(
    caller: Caller, other: Caller, identity: Identity
) -> None:
    first = await create(caller, a_name())
    await identity.fault("GetEmailIdentity", "latency", latency_ms=400, count=1)
    await delete(caller, first)

    second = await create(other, first.name)

    assert second.state == Domain.STATE_PENDING
    await eventually(lambda: gone(caller, first))
    assert await is_at_ses(identity, first.name)
    at_ses = await identity.at_ses(first.name)
    assert [record.name.partition(".")[0] for record in second.records[:3]] == at_ses["tokens"]


async def test_concurrent_creates_and_deletes_end_with_one_domain_or_none(
    caller: Caller, identity: Identity
) -> None:
    name = a_name()
    domain = await create(caller, name)
    for _ in range(5):
        _, again = await asyncio.gather(delete(caller, domain), create_or_not(caller, name))
        domain = again or domain

    last = (await shown(caller, domain)).state
    if last in (Domain.STATE_DELETING, Domain.STATE_DELETED):
        await eventually(lambda: gone(caller, domain))
        assert not await is_at_ses(identity, name)
    else:
        await eventually(lambda: is_pending(caller, domain), within=timedelta(seconds=10))
        assert await is_at_ses(identity, name)


async def create_or_not(caller: Caller, name: str) -> Domain | None:
    try:
        return await create(caller, name)
    except grpc.aio.AioRpcError:
        return None  # the existing domain was not DELETING yet


async def is_pending(caller: Caller, domain: Domain) -> bool:
    return (await shown(caller, domain)).state == Domain.STATE_PENDING


async def test_a_domain_can_be_deleted_before_ses_has_answered(caller: Caller, identity: Identity) -> None:
    await identity.fault("CreateEmailIdentity", "error_503")
    request = CreateDomainRequest(name=a_name())
    domain = (await caller.domains.CreateDomain(request, timeout=3)).domain

    await delete(caller, domain)

    await eventually(lambda: gone(caller, domain))
    assert not await is_at_ses(identity, domain.name)
