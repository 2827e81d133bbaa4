"""The time to READY is measured for each new domain, and the wait of those that SES keeps waiting."""

from prometheus_client import REGISTRY

from services.verifier.store.views import ViewStore
from services.verifier.worker.account_gauges import AccountGauges
from tests.factories import REGION
from tests.integration.verifier.world import Tenant, World

WAITS = "state = 'PENDING', dkim_found_at = now() - interval '2 hours'"


def ready_domains() -> float:
    return REGISTRY.get_sample_value("letterhead_domain_ready_seconds_count") or 0


async def longest_wait(world: World) -> float | None:
    async with world.database.open("verifier") as own:
        await AccountGauges(ViewStore(own)).update()
    return REGISTRY.get_sample_value("letterhead_domain_oldest_wait_seconds", {"region": REGION})


async def test_a_new_domain_is_counted_once(world: World, tenant: Tenant) -> None:
    before = ready_domains()

    domain = await world.a_ready_domain(tenant)
    assert ready_domains() == before + 1

    await world.new_generation(domain)
    await tenant.verify(domain)
    await tenant.reaches(domain, "READY")
    assert ready_domains() == before + 1


async def test_a_domain_whose_records_are_all_found_waits_for_ses(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    assert await longest_wait(world) == 0

    await world.age(domain, WAITS)
    assert 7200 <= (await longest_wait(world) or 0) < 7300

    await world.database.execute(
        "UPDATE verifier.record_checks SET status = 'MISSING' WHERE claim_id = $1 AND position = 1",
        domain.claim_id,
    )
    assert await longest_wait(world) == 0
