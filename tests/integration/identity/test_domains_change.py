"""Label changes and repairs update SES, and changed records start a new generation."""

import grpc
import pytest
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
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.waiting import eventually

LABEL = FieldMask(paths=["mail_from_label"])
MISSING = RepairDomainRequest.CAUSE_IDENTITY_MISSING


@pytest.fixture
async def domain(caller: Caller, identity: Identity) -> Domain:
    """Return a provisioned domain."""
    answer = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))
    made: Domain = answer.domain
    await identity.provisioned()
    return made


@pytest.fixture
async def service(identity: Identity, channel: grpc.aio.Channel) -> Caller:
    """Return verifier as a caller."""
    return await identity.a_caller(channel, Scope.SERVICE)


def relabelled(domain: Domain, label: str, revision: str = "") -> UpdateDomainRequest:
    return UpdateDomainRequest(
        domain=Domain(id=domain.id, mail_from_label=label, revision=revision), update_mask=LABEL
    )


async def shown(caller: Caller, domain: Domain) -> Domain:
    answer: Domain = (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
    return answer


async def test_a_new_label_updates_ses_and_the_records(
    caller: Caller, identity: Identity, domain: Domain
) -> None:
    changed = (await caller.domains.UpdateDomain(relabelled(domain, "Bounces", domain.revision))).domain
    await identity.provisioned()

    assert (changed.mail_from_label, changed.generation) == ("bounces", 2)
    assert changed.revision != domain.revision
    names = {record.name for record in changed.records if record.purpose == DnsRecord.PURPOSE_RETURN_PATH}
    assert names == {f"bounces.{domain.name}"}
    assert changed.records[:3] == domain.records[:3]
    assert (await identity.at_ses(domain.name))["mail_from_domain"] == f"bounces.{domain.name}"
    assert not await identity.controls("PutEmailIdentityDkimSigningAttributes")


async def test_the_same_label_changes_nothing(caller: Caller, identity: Identity, domain: Domain) -> None:
    same = (await caller.domains.UpdateDomain(relabelled(domain, "send"))).domain

    assert same == domain
    assert len(await identity.controls("PutEmailIdentityMailFromAttributes")) == 1


async def test_an_update_of_an_older_revision_is_rejected(caller: Caller, domain: Domain) -> None:
    await caller.domains.UpdateDomain(relabelled(domain, "one"))

    rejection = await refused(caller.domains.UpdateDomain(relabelled(domain, "two", domain.revision)))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.ABORTED, "DOMAIN_CHANGED")
    assert (await shown(caller, domain)).mail_from_label == "one"


async def test_a_label_that_collides_with_a_domain_of_the_tenant_is_rejected(
    caller: Caller, domain: Domain
) -> None:
    await caller.domains.CreateDomain(CreateDomainRequest(name=f"taken.{domain.name}"))

    rejection = await refused(caller.domains.UpdateDomain(relabelled(domain, "taken")))

    assert rejection.code is grpc.StatusCode.INVALID_ARGUMENT
    assert rejection.fields.keys() == {"domain.mail_from_label"}
    assert await shown(caller, domain) == domain


async def test_a_domain_that_is_being_deleted_cannot_be_changed(caller: Caller, domain: Domain) -> None:
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))

    rejection = await refused(caller.domains.UpdateDomain(relabelled(domain, "late")))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DOMAIN_DELETING")


@pytest.mark.parametrize(
    ("status", "operation"),
    [
        ("mail_from_status", "PutEmailIdentityMailFromAttributes"),
        ("dkim_status", "PutEmailIdentityDkimSigningAttributes"),
        ("verification_status", "PutEmailIdentityDkimSigningAttributes"),
    ],
)
async def test_a_repair_restarts_what_failed_at_ses(
    service: Caller, identity: Identity, domain: Domain, status: str, operation: str
) -> None:
    await identity.change_at_ses(domain.name, **{status: "FAILED"})
    before = len(await identity.controls(operation))

    request = RepairDomainRequest(
        domain_id=domain.id, generation=1, cause=RepairDomainRequest.CAUSE_DKIM_FAILED
    )
    await service.domains.RepairDomain(request)

    await eventually(lambda: called(identity, operation, before + 1))


async def called(identity: Identity, operation: str, times: int) -> bool:
    return len(await identity.controls(operation)) == times


async def test_a_repair_reverts_a_foreign_change_of_mail_from(
    service: Caller, identity: Identity, domain: Domain
) -> None:
    await identity.call_ses(
        "put_email_identity_mail_from_attributes",
        EmailIdentity=domain.name,
        MailFromDomain=f"other.{domain.name}",
        BehaviorOnMxFailure="REJECT_MESSAGE",
    )

    drifted = RepairDomainRequest.CAUSE_MAIL_FROM_DRIFTED
    await service.domains.RepairDomain(RepairDomainRequest(domain_id=domain.id, generation=1, cause=drifted))

    async def repaired() -> bool:
        return bool((await identity.at_ses(domain.name))["mail_from_domain"] == f"send.{domain.name}")

    await eventually(repaired)


async def test_a_missing_identity_is_created_again_and_its_new_records_are_shown(
    caller: Caller, service: Caller, identity: Identity, domain: Domain, database: FreshDatabase
) -> None:
    await identity.call_ses("delete_email_identity", EmailIdentity=domain.name)

    await service.domains.RepairDomain(RepairDomainRequest(domain_id=domain.id, generation=1, cause=MISSING))

    async def renewed() -> bool:
        return (await shown(caller, domain)).generation == 2

    await eventually(renewed)
    tokens = (await identity.at_ses(domain.name))["tokens"]
    now = await shown(caller, domain)
    assert [record.name for record in now.records[:3]] == [
        f"{each}._domainkey.{domain.name}" for each in tokens
    ]
    assert now.revision != domain.revision
    events = await database.fetch(
        "SELECT data FROM identity.outbox WHERE subject = 'domain.provisioned' ORDER BY id"
    )
    assert len(events) == 2


async def test_a_repair_of_a_correct_identity_changes_nothing(
    caller: Caller, service: Caller, identity: Identity, domain: Domain
) -> None:
    before = await identity.as_made(domain.name)

    for cause in RepairDomainRequest.Cause.values()[1:]:
        request = RepairDomainRequest(domain_id=domain.id, generation=1, cause=cause)
        await service.domains.RepairDomain(request)
        await identity.provisioned()

    assert await identity.as_made(domain.name) == before
    assert await shown(caller, domain) == domain


async def test_a_repair_of_an_older_generation_or_of_a_deleted_domain_is_rejected(
    caller: Caller, service: Caller, domain: Domain
) -> None:
    old = RepairDomainRequest(domain_id=domain.id, generation=7, cause=MISSING)
    now = RepairDomainRequest(domain_id=domain.id, generation=1, cause=MISSING)

    assert (await refused(service.domains.RepairDomain(old))).reason == "DOMAIN_CHANGED"
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))
    assert (await refused(service.domains.RepairDomain(now))).reason == "DOMAIN_CHANGED"
