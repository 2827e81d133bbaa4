"""The verifier requests repairs from identity when SES differs from the desired state."""

import pytest

from tests.integration.verifier.world import Tenant, World
from tests.waiting import eventually


async def test_a_missing_identity_requests_a_repair(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.delete_at_ses(domain)

    await world.sweep_now()

    await eventually(lambda: world.repairs.causes(domain.claim_id) == ["IDENTITY_MISSING"])
    await tenant.reaches(domain, "DEGRADED")


@pytest.mark.parametrize(
    ("statuses", "cause"),
    [
        ({"dkim_status": "FAILED"}, "DKIM_FAILED"),
        ({"mail_from_status": "FAILED"}, "MAIL_FROM_FAILED"),
    ],
    ids=["DKIM", "MAIL FROM"],
)
async def test_a_status_of_failed_requests_a_repair_once_dns_is_correct(
    world: World, tenant: Tenant, statuses: dict[str, object], cause: str
) -> None:
    domain = await world.a_domain(tenant)
    await world.at_ses(domain, **statuses)
    await world.publish(domain)

    await tenant.verify(domain)

    await eventually(lambda: world.repairs.causes(domain.claim_id) == [cause])
    assert await tenant.state(domain) == "PENDING"


async def test_a_changed_mail_from_domain_requests_a_repair(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.move_mail_from(domain, f"elsewhere.{domain.name}")

    await world.age(domain, "ses_due_at = now()")

    await eventually(lambda: world.repairs.causes(domain.claim_id) == ["MAIL_FROM_DRIFTED"])
    await tenant.reaches(domain, "DEGRADED")


async def test_tokens_other_than_those_shown_request_a_repair(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.database.execute(
        "UPDATE identity.ses_identities SET tokens = '{a,b,c}' WHERE name = $1", domain.name
    )

    await world.age(domain, "ses_due_at = now()")

    await eventually(lambda: world.repairs.causes(domain.claim_id) == ["TOKENS_CHANGED"])


async def test_no_repair_is_requested_while_identity_is_changing_ses(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.database.execute("UPDATE identity.ses_identities SET state = 'WANTED'")
    await world.at_ses(domain, mail_from_status="FAILED")

    await world.age(domain, "ses_due_at = now()")

    await tenant.reaches(domain, "DEGRADED")
    assert world.repairs.asked == []
