"""verifier queries each region's SES about the domains of that region, at that region's rate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from chassis.events import Outbox
from chassis.regions import AwsRegion, SesRegion
from services.verifier.store.ses import SesStore
from tests.factories import ACCOUNT, REGION, Domain, a_ready_domain, a_tenant
from tests.integration.verifier.world import World
from tests.internet import Internet, pretend_internet
from tests.waiting import eventually

HERE = SesRegion(ACCOUNT, REGION)
THERE = SesRegion("210987654321", "eu-west-1")


@asynccontextmanager
async def two_regions(world: World, workspace: Path) -> AsyncIterator[Internet]:
    """Run the service with a second region; yield that region's SES."""
    async with pretend_internet(workspace / "certificates") as there:
        second = AwsRegion(account=THERE.account, region=THERE.region, endpoint_url=there.addresses.ses)
        async with world.start(aws=replace(world.settings.aws, more_regions=(second,))):
            yield there


async def to_second_region(world: World, domain: Domain) -> None:
    for table, key in (("identity.claims", "id"), ("verifier.verifications", "claim_id")):
        await world.database.execute(
            f"UPDATE {table} SET account = $2, region = $3 WHERE {key} = $1",  # noqa: S608 - literals above
            domain.claim_id,
            THERE.account,
            THERE.region,
        )


async def test_the_account_of_each_region_is_queried(world: World, workspace: Path) -> None:
    async with two_regions(world, workspace) as there:
        await there.control.call("PATCH", "/ses/account", {"max_send_rate": 77})
        await world.database.execute("UPDATE verifier.ses_account SET due_at = now()")

        async def rates() -> bool:
            rows = await world.database.fetch(
                "SELECT account, region, max_send_rate FROM verifier.ses_account"
            )
            found = {(row["account"], row["region"]): row["max_send_rate"] for row in rows}
            return found == {(HERE.account, HERE.region): 14, (THERE.account, THERE.region): 77}

        await eventually(rates)


async def test_a_region_that_hangs_does_not_delay_another(world: World, workspace: Path) -> None:
    async with two_regions(world, workspace) as there:
        fault = {"operation": "*", "kind": "latency", "latency_ms": 20_000}
        await there.control.call("POST", "/ses/faults", fault)
        await world.database.execute("UPDATE verifier.ses_account SET due_at = now(), checked_at = NULL")

        async def queried() -> bool:
            rows = await world.database.fetch(
                "SELECT region FROM verifier.ses_account WHERE checked_at IS NOT NULL"
            )
            return [row["region"] for row in rows] == [REGION]

        await eventually(queried, timedelta(seconds=10))


async def test_a_region_leases_only_its_domains(world: World) -> None:
    tenant_id = await a_tenant(world.database)
    here, there = [await a_ready_domain(world.database, tenant_id) for _ in range(2)]
    await to_second_region(world, there)
    await world.database.execute("UPDATE verifier.verifications SET ses_due_at = now()")
    async with world.database.open("verifier") as opened:
        stores = [SesStore(opened, each, Outbox("verifier")) for each in (HERE, THERE)]

        leased = [await store.lease_domain(watched=False) for store in stores]

        assert [each.name for each in leased if each] == [here.name, there.name]
        assert not any([(await store.waiting()).domains for store in stores])
