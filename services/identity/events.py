"""The events of tenants and domains, made of model values. Not for deciding when they happen."""

from google.protobuf.message import Message

from chassis.events import Event
from chassis.protos import stamp_of
from letterhead.events.v1 import domain_events_pb2 as pb
from services.identity.model.domains import Claim
from services.identity.model.ownership import Move, Ownership
from services.identity.model.provisioning import ownership_record
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


def ownership_changed(claim: Claim, move: Move) -> list[Event]:
    """Say what a change of ownership means to the claim's own tenant; of rivals nothing is said."""
    reference, cause = _reference(claim), move.cause.value
    match move.after:
        case Ownership.CHALLENGED:
            challenged = pb.DomainChallenged(
                domain=reference, record=_record(claim), deadline_time=stamp_of(claim.ownership_deadline_at)
            )
            return [_of_domain("domain.challenged", challenged, claim)]
        case Ownership.SUPERSEDED:
            return [
                _of_domain("domain.superseded", pb.DomainSuperseded(domain=reference, cause=cause), claim)
            ]
        case Ownership.SOLE | Ownership.PROVEN if move.before is Ownership.CHALLENGED:
            return [_of_domain("domain.kept", pb.DomainKept(domain=reference, cause=cause), claim)]
        case Ownership.PROVEN:
            return [_of_domain("domain.proven", pb.DomainProven(domain=reference, cause=cause), claim)]
    return []


def _record(claim: Claim) -> pb.OwnershipRecord:
    record = ownership_record(claim.name, claim.ownership_token)
    return pb.OwnershipRecord(name=record.name, type=record.type, value=record.value)


def tenant_paused(tenant: Tenant) -> Event:
    """Says that a tenant's email waits."""
    data = pb.TenantPaused(tenant_id=str(tenant.id), reason=tenant.pause_reason)
    return Event("tenant.paused", data, tenant.id, resource=str(tenant.id))


def tenant_resumed(tenant: Tenant) -> Event:
    """Says that a tenant's email leaves again."""
    data = pb.TenantResumed(tenant_id=str(tenant.id))
    return Event("tenant.resumed", data, tenant.id, resource=str(tenant.id))


def _of_domain(subject: str, data: Message, claim: Claim) -> Event:
    return Event(subject, data, claim.tenant_id, resource=claim.name)


def _reference(claim: Claim) -> pb.DomainReference:
    return pb.DomainReference(
        id=str(claim.id), name=claim.name, tenant_id=str(claim.tenant_id), generation=claim.generation
    )
