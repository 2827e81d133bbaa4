"""A domain is in the region that it was created in; a region whose SES hangs does not delay the others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.regions import AwsRegion
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from tests.factories import a_name
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.internet import Internet, pretend_internet
from tests.waiting import eventually

HANGS_MS = 5_000


@dataclass(frozen=True)
class TwoRegions:
    """identity with a second region, of another account, whose SES is another one."""

    caller: Caller
    here: Internet
    there: Internet

    async def create(self, region: str) -> Domain:
        """Create a domain, waiting for SES only briefly."""
        request = CreateDomainRequest(name=a_name(), region=region)
        domain: Domain = (await self.caller.domains.CreateDomain(request)).domain
        return domain

    async def with_records(self, domain: Domain) -> Domain | None:
        """Return the domain once its records are shown."""
        now: Domain = (await self.caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
        return now if now.records else None


async def identities(internet: Internet) -> set[str]:
    """Return the names that an SES has."""
    listed = (await internet.control.call("GET", "/ses/identities"))["identities"]
    return {each["name"] for each in listed}


@pytest.fixture
async def regions(identity: Identity, workspace: Path) -> AsyncIterator[TwoRegions]:
    async with pretend_internet(workspace / "certificates") as there:
        ses = there.aws("sesv2", "eu-west-1")
        await asyncio.to_thread(ses.create_configuration_set, ConfigurationSetName="letterhead-eu")
        ses.close()
        second = AwsRegion(
            account="210987654321",
            region="eu-west-1",
            endpoint_url=there.addresses.ses,
            configuration_set="letterhead-eu",
        )
        aws = replace(identity.settings.aws, more_regions=(second,))
        async with identity.start(aws=aws, provisioning_wait=timedelta(0)) as channel:
            yield TwoRegions(await identity.a_caller(channel), identity.internet, there)


async def test_a_domain_is_created_at_ses_in_its_region(regions: TwoRegions) -> None:
    created = await regions.create("eu-west-1")

    domain = await eventually(lambda: regions.with_records(created), timedelta(seconds=30))

    assert domain.region == "eu-west-1"
    assert await identities(regions.there) == {domain.name}
    assert await identities(regions.here) == set()
    [exchanger] = [each.value for each in domain.records if each.type == DnsRecord.TYPE_MX]
    assert exchanger == "feedback-smtp.eu-west-1.amazonses.com"


async def test_the_default_is_the_first_region(regions: TwoRegions) -> None:
    created = await regions.create("")

    domain = await eventually(lambda: regions.with_records(created), timedelta(seconds=30))

    assert domain.region == "us-east-1"
    assert await identities(regions.here) == {domain.name}


async def test_an_unknown_region_is_refused_with_those_that_are_known(regions: TwoRegions) -> None:
    request = CreateDomainRequest(name=a_name(), region="mars-west-1")

    rejection = await refused(regions.caller.domains.CreateDomain(request))

    assert list(rejection.fields) == ["region"]
    assert "us-east-1, eu-west-1" in rejection.fields["region"]


async def test_a_region_that_hangs_does_not_delay_another(regions: TwoRegions) -> None:
    fault = {"operation": "*", "kind": "latency", "latency_ms": HANGS_MS}
    await regions.there.control.call("POST", "/ses/faults", fault)
    stuck = [await regions.create("eu-west-1") for _ in range(3)]

    created = await regions.create("us-east-1")
    await eventually(lambda: regions.with_records(created), timedelta(seconds=30))

    assert not [each for each in stuck if await regions.with_records(each)]
