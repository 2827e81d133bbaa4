"""Domains that have become READY by their records in the simulated DNS."""

from datetime import timedelta
from uuid import uuid4

from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest
from tests.e2e.conftest import World
from tests.waiting import eventually

READY_WITHIN = timedelta(seconds=60)


async def a_ready_domain(world: World) -> Domain:
    """Return a domain that has become READY, with all its records published."""
    request = CreateDomainRequest(name=f"inbox.d{uuid4().hex[:10]}.ai")
    domain = (await world.services.domains.CreateDomain(request)).domain
    domain = await eventually(lambda: _in_state(world, domain.id, Domain.STATE_PENDING), READY_WITHIN)
    return await becomes_ready(world, domain)


async def becomes_ready(world: World, domain: Domain) -> Domain:
    """Publish the records of a domain, and return it once it is READY."""
    for record in domain.records:
        kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
        await world.sandbox.publish(kind, record.name, record.value, priority=record.priority)
    await world.services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))
    return await eventually(lambda: _in_state(world, domain.id, Domain.STATE_READY), READY_WITHIN)


async def _in_state(world: World, domain_id: str, state: "Domain.State.ValueType") -> Domain | None:
    domain = (await world.services.domains.GetDomain(GetDomainRequest(domain_id=domain_id))).domain
    return domain if domain.state == state else None
