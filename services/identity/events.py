"""The events of tenants and domains, made of model values. Not for deciding when they happen."""

from chassis.events import Event
from letterhead.events.v1 import domain_events_pb2 as pb
from services.identity.model.domains import Claim
from services.identity.model.tenants import Tenant


def domain_created(claim: Claim) -> Event:
    """Says that a tenant asked for a domain."""
    return _of_domain("domain.created", pb.DomainCreated(domain=_reference(claim)), claim)


def domain_provisioned(claim: Claim) -> Event:
    """Says that there are records to publish, for the first time or other ones."""
    return _of_domain("domain.provisioned", pb.DomainProvisioned(domain=_reference(claim)), claim)


def domain_deleted(claim: Claim) -> Event:
    """Says that a domain is gone."""
    return _of_domain("domain.deleted", pb.DomainDeleted(domain=_reference(claim)), claim)


def tenant_paused(tenant: Tenant) -> Event:
    """Says that a tenant's email waits."""
    data = pb.TenantPaused(tenant_id=str(tenant.id), reason=tenant.pause_reason)
    return Event("tenant.paused", data, tenant.id, resource=str(tenant.id))


def tenant_resumed(tenant: Tenant) -> Event:
    """Says that a tenant's email leaves again."""
    data = pb.TenantResumed(tenant_id=str(tenant.id))
    return Event("tenant.resumed", data, tenant.id, resource=str(tenant.id))


def _of_domain(
    subject: str, data: pb.DomainCreated | pb.DomainProvisioned | pb.DomainDeleted, claim: Claim
) -> Event:
    return Event(subject, data, claim.tenant_id, resource=claim.name)


def _reference(claim: Claim) -> pb.DomainReference:
    return pb.DomainReference(
        id=str(claim.id), name=claim.name, tenant_id=str(claim.tenant_id), generation=claim.generation
    )
