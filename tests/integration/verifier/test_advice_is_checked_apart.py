"""Changed advice is checked at once, and the checks, schedule and state of the domain stay as they are."""

from typing import Any

import pytest

from chassis.database import open_database
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.verifier.model.decisions import Claim, Record
from services.verifier.model.records import Check, Expected, Purpose, RecordStatus, RecordType
from services.verifier.store.verifications import save_checks
from tests.factories import Domain
from tests.integration.verifier.world import Tenant, World
from tests.waiting import eventually

NONE, REJECT = "v=DMARC1; p=none;", "v=DMARC1; p=reject;"


@pytest.fixture
async def domain(world: World, tenant: Tenant) -> Domain:
    """Return a READY domain that publishes the DMARC record it is advised, with no scheduled check ahead."""
    domain = await world.a_ready_domain(tenant)
    await world.internet.control.publish("TXT", f"_dmarc.{domain.name}", NONE)
    await world.age(domain, "next_check_at = now() + interval '1 day', ses_due_at = now() + interval '1 day'")
    await world.advise(domain, NONE)
    await reaches(tenant, domain, NONE, RecordCheck.STATUS_FOUND)
    return domain


async def reaches(
    tenant: Tenant, domain: Domain, value: str, status: "RecordCheck.Status.ValueType"
) -> RecordCheck:
    """Wait until the DMARC record with a value has a status; return its check."""

    async def checked() -> RecordCheck | None:
        check = (await tenant.known(domain)).records[-1]
        return check if (check.record.value, check.status) == (value, status) else None

    return await eventually(checked)


async def the_gate(world: World, domain: Domain) -> list[Any]:
    """Return all that is stored of a domain, but for its advice."""
    verification = await world.database.fetch(
        "SELECT to_jsonb(known) - 'advisory_revision' FROM verifier.verifications AS known"
        " WHERE claim_id = $1",
        domain.claim_id,
    )
    checks = await world.database.fetch(
        "SELECT to_jsonb(known) FROM verifier.record_checks AS known WHERE claim_id = $1 AND position <= 5"
        " ORDER BY position",
        domain.claim_id,
    )
    return [*verification, *checks]


async def test_changed_advice_is_checked_without_the_records_that_readiness_depends_on(
    world: World, tenant: Tenant, domain: Domain
) -> None:
    before = await the_gate(world, domain)

    await world.advise(domain, REJECT)

    check = await reaches(tenant, domain, REJECT, RecordCheck.STATUS_MISMATCH)
    assert check.message == (
        f"This DMARC policy is weaker than the recommended one: {NONE}. Change it to match {REJECT}."
    )
    assert await the_gate(world, domain) == before
    assert len(await tenant.transitions(domain)) == 2


async def test_changed_advice_does_not_find_a_broken_record_earlier_than_the_schedule(
    world: World, tenant: Tenant, domain: Domain
) -> None:
    await world.withdraw(domain, "CNAME")
    before = await the_gate(world, domain)

    for number in range(5):
        advice = f"v=DMARC1; p=none; rua=mailto:r{number}@mnexa.ai;"
        await world.advise(domain, advice)
        await reaches(tenant, domain, advice, RecordCheck.STATUS_FOUND)

    assert await the_gate(world, domain) == before
    assert await tenant.state(domain) == "READY"


async def test_changed_advice_does_not_revive_a_failed_domain(
    world: World, tenant: Tenant, domain: Domain
) -> None:
    await world.age(domain, "state = 'FAILED', next_check_at = NULL, ses_due_at = NULL")
    before = await the_gate(world, domain)

    await world.advise(domain, REJECT)

    await reaches(tenant, domain, REJECT, RecordCheck.STATUS_MISMATCH)
    assert await the_gate(world, domain) == before


async def test_a_new_generation_keeps_the_advice(world: World, tenant: Tenant, domain: Domain) -> None:
    await world.advise(domain, REJECT)
    await reaches(tenant, domain, REJECT, RecordCheck.STATUS_MISMATCH)

    domain = await world.new_generation(domain)

    await reaches(tenant, domain, REJECT, RecordCheck.STATUS_MISMATCH)
    await tenant.reaches(domain, "READY")


async def test_a_check_of_older_advice_that_ends_late_is_not_shown(
    world: World, tenant: Tenant, domain: Domain
) -> None:
    await world.advise(domain, REJECT)
    await reaches(tenant, domain, REJECT, RecordCheck.STATUS_MISMATCH)
    expected = Expected(Purpose.DMARC, RecordType.TXT, f"_dmarc.{domain.name}", NONE, domain.name)
    claim = Claim(domain.claim_id, domain.tenant_id, domain.name, domain.generation)

    async with (
        open_database(world.database.settings("verifier"), application_name="test") as database,
        database.transaction() as connection,
    ):
        late = Record(6, expected, required=False, advisory_revision=2)
        await save_checks(connection, claim, [late], [Check(RecordStatus.MISSING)])

    await reaches(tenant, domain, REJECT, RecordCheck.STATUS_MISMATCH)
