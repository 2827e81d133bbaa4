"""What is not at SES as it should be is identity's to mend, and verifier asks it to."""

import pytest

from tests.integration.verifier.world import Tenant, World
from tests.waiting import eventually


async def test_a_missing_identity_is_made_again(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.delete_at_ses(domain)

    await world.sweep_now()

    await eventually(lambda: world.repairs.causes(domain.claim_id) == ["IDENTITY_MISSING"])
    await tenant.reaches(domain, "DEGRADED")


@pytest.mark.parametrize(
    ("held", "cause"),
    [
        ({"dkim_status": "FAILED"}, "DKIM_FAILED"),
        ({"mail_from_status": "FAILED"}, "MAIL_FROM_FAILED"),
    ],
    ids=["DKIM", "MAIL FROM"],
)
async def test_ses_looks_again_at_what_it_gave_up(
    world: World, tenant: Tenant, held: dict[str, object], cause: str
) -> None:
    domain = await world.a_domain(tenant)
    await world.at_ses(domain, **held)
    await world.publish(domain)

    await tenant.verify(domain)

    await eventually(lambda: world.repairs.causes(domain.claim_id) == [cause])
    assert await tenant.state(domain) == "PENDING"


async def test_a_return_path_that_somebody_moved_is_moved_back(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.move_mail_from(domain, f"elsewhere.{domain.name}")

    await world.age(domain, "ses_due_at = now()")

    await eventually(lambda: world.repairs.causes(domain.claim_id) == ["MAIL_FROM_DRIFTED"])
    await tenant.reaches(domain, "DEGRADED")


async def test_other_tokens_than_shown_are_told(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.database.execute(
        "UPDATE identity.ses_identities SET tokens = '{a,b,c}' WHERE name = $1", domain.name
    )

    await world.age(domain, "ses_due_at = now()")

    await eventually(lambda: world.repairs.causes(domain.claim_id) == ["TOKENS_CHANGED"])


async def test_nothing_is_asked_while_identity_is_at_it(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.database.execute("UPDATE identity.ses_identities SET state = 'WANTED'")
    await world.at_ses(domain, mail_from_status="FAILED")

    await world.age(domain, "ses_due_at = now()")

    await tenant.reaches(domain, "DEGRADED")
    assert world.repairs.asked == []
