"""A new DMARC policy changes the record that recommends it, and neither the generation nor SES."""

import asyncio
from typing import Any, cast

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DmarcPolicy,
    DnsRecord,
    Domain,
    GetDomainRequest,
    UpdateDomainRequest,
)
from tests.factories import a_name
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase

POLICY = "dmarc_policy"
NOTHING, UNKNOWN = DmarcPolicy.POLICY_NONE, cast("DmarcPolicy.Policy.ValueType", 9)
REJECT = DmarcPolicy(policy=DmarcPolicy.POLICY_REJECT)
QUARANTINE = DmarcPolicy(
    policy=DmarcPolicy.POLICY_QUARANTINE,
    subdomain_policy=DmarcPolicy.POLICY_REJECT,
    testing=True,
    report_addresses=["reports@mnexa.ai", "d-1@Mnexa.ai"],
)
TEXT = "v=DMARC1; p=quarantine; sp=reject; t=y; rua=mailto:reports@mnexa.ai,mailto:d-1@mnexa.ai;"


@pytest.fixture
async def domain(caller: Caller, identity: Identity) -> Domain:
    """Return a provisioned domain."""
    made: Domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain
    await identity.provisioned()
    return made


async def update(caller: Caller, domain: Domain, *paths: str, **values: Any) -> Domain:
    request = UpdateDomainRequest(domain=Domain(id=domain.id, **values), update_mask=FieldMask(paths=paths))
    updated: Domain = (await caller.domains.UpdateDomain(request)).domain
    return updated


async def shown(caller: Caller, domain: Domain) -> Domain:
    found: Domain = (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
    return found


def dmarc(domain: Domain) -> str:
    """Return the DMARC record that is shown."""
    (value,) = [each.value for each in domain.records if each.purpose == DnsRecord.PURPOSE_DMARC]
    return value


def others(domain: Domain) -> list[DnsRecord]:
    return [each for each in domain.records if each.purpose != DnsRecord.PURPOSE_DMARC]


async def provisioned_events(database: FreshDatabase) -> int:
    return len(await database.fetch("SELECT FROM identity.outbox WHERE subject = 'domain.provisioned'"))


async def test_a_new_domain_recommends_no_policy(domain: Domain) -> None:
    assert domain.dmarc_policy == DmarcPolicy(policy=DmarcPolicy.POLICY_NONE)
    assert (dmarc(domain), domain.advisory_revision) == ("v=DMARC1; p=none;", 1)


async def test_a_new_policy_changes_the_dmarc_record_alone(
    caller: Caller, identity: Identity, domain: Domain, database: FreshDatabase
) -> None:
    before = await identity.as_made(domain.name)

    changed = await update(caller, domain, POLICY, dmarc_policy=QUARANTINE, revision=domain.revision)

    assert dmarc(changed) == TEXT
    assert list(changed.dmarc_policy.report_addresses) == ["reports@mnexa.ai", "d-1@mnexa.ai"]
    assert changed.dmarc_policy.subdomain_policy == DmarcPolicy.POLICY_REJECT
    assert others(changed) == others(domain)
    assert (changed.advisory_revision, changed.generation) == (2, domain.generation)
    assert (changed.state, changed.state_time) == (domain.state, domain.state_time)
    assert changed.revision != domain.revision
    assert await provisioned_events(database) == 2
    assert await identity.as_made(domain.name) == before


async def test_the_same_policy_changes_nothing(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    first = await update(caller, domain, POLICY, dmarc_policy=QUARANTINE)

    again = await update(caller, domain, POLICY, dmarc_policy=QUARANTINE)

    assert again == first
    assert await provisioned_events(database) == 2


async def test_a_policy_and_a_label_change_together_and_the_policy_stays(
    caller: Caller, identity: Identity, domain: Domain
) -> None:
    """The records are not known while the label changes at SES, so the policy waits with them."""
    paths = ("mail_from_label", POLICY)
    await update(caller, domain, *paths, mail_from_label="one", dmarc_policy=REJECT)
    await identity.provisioned()
    await update(caller, domain, "mail_from_label", mail_from_label="two")
    await identity.provisioned()

    now = await shown(caller, domain)
    assert (dmarc(now), now.mail_from_label) == ("v=DMARC1; p=reject;", "two")
    assert (now.generation, now.advisory_revision) == (3, 2)


async def test_a_policy_changes_while_the_domain_sends(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    """A change of the right to send would wait for the claim lock, which sender holds to start an attempt."""
    async with database.open("sender") as sender, sender.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock_shared(chassis.claim_lock($1))", domain.id)

        async with asyncio.timeout(10):
            changed = await update(caller, domain, POLICY, dmarc_policy=REJECT)

    assert dmarc(changed) == "v=DMARC1; p=reject;"


async def test_a_record_that_the_previous_version_wrote_is_replaced(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    await update(caller, domain, POLICY, dmarc_policy=REJECT)
    await database.execute(
        "UPDATE identity.records SET value = 'v=DMARC1; p=none;', advisory_revision = 1"
        " WHERE purpose = 'DMARC'"
    )

    changed = await update(caller, domain, POLICY, dmarc_policy=REJECT)

    assert (dmarc(changed), changed.advisory_revision) == ("v=DMARC1; p=reject;", 3)


async def test_an_update_of_an_older_revision_is_rejected(caller: Caller, domain: Domain) -> None:
    await update(caller, domain, POLICY, dmarc_policy=REJECT)

    late = update(caller, domain, POLICY, dmarc_policy=QUARANTINE, revision=domain.revision)

    assert (await refused(late)).reason == "DOMAIN_CHANGED"
    assert dmarc(await shown(caller, domain)) == "v=DMARC1; p=reject;"


@pytest.mark.parametrize(
    ("policy", "field", "message"),
    [
        (DmarcPolicy(), "policy", "NONE, QUARANTINE, REJECT"),
        (DmarcPolicy(policy=UNKNOWN), "policy", "NONE, QUARANTINE, REJECT"),
        (DmarcPolicy(policy=NOTHING, subdomain_policy=UNKNOWN), "subdomain_policy", "NONE, "),
        (
            DmarcPolicy(policy=NOTHING, report_addresses=["a@b.io", "mnexa.ai"]),
            "report_addresses[1]",
            "an address",
        ),
        (
            DmarcPolicy(policy=NOTHING, report_addresses=["a@b.io", "a@B.io"]),
            "report_addresses[1]",
            "duplicate",
        ),
        (
            DmarcPolicy(policy=NOTHING, report_addresses=["a;p=none@b.io"]),
            "report_addresses[0]",
            "plain address",
        ),
        (
            DmarcPolicy(policy=NOTHING, report_addresses=[f"a{n}@mnexa.ai" for n in range(14)]),
            "report_addresses",
            "more than 232 bytes",
        ),
    ],
)
async def test_a_policy_that_no_record_can_have_is_rejected(
    caller: Caller, domain: Domain, policy: DmarcPolicy, field: str, message: str
) -> None:
    rejection = await refused(update(caller, domain, POLICY, dmarc_policy=policy))

    assert rejection.code is grpc.StatusCode.INVALID_ARGUMENT
    assert rejection.fields.keys() == {f"domain.dmarc_policy.{field}"}
    assert message in rejection.fields[f"domain.dmarc_policy.{field}"]
    assert await shown(caller, domain) == domain
