"""Builders of tenant, contact and domain events from model values; the stores decide when to publish them."""

from uuid import UUID

from google.protobuf.message import Message

from chassis.events import Event
from chassis.protos import stamp_of
from letterhead.events.v1 import contact_events_pb2
from letterhead.events.v1 import domain_events_pb2 as pb
from letterhead.identity.v1.domains_pb2 import DnsRecord
from services.identity.model.contacts import Confirmation
from services.identity.model.domains import Claim
from services.identity.model.ownership import Move, Ownership
from services.identity.model.provisioning import ownership_record
from services.identity.model.tenants import Tenant


def domain_created(claim: Claim) -> Event:
    """Return the event that a tenant created a domain."""
    return _of_domain(pb.DomainCreated(domain=_reference(claim)), claim)


def domain_provisioned(claim: Claim) -> Event:
    """Return the event that a domain has new records to publish."""
    return _of_domain(pb.DomainProvisioned(domain=_reference(claim)), claim)


def domain_deleted(claim: Claim) -> Event:
    """Return the event that a domain was deleted."""
    return _of_domain(pb.DomainDeleted(domain=_reference(claim)), claim)


def ownership_changed(claim: Claim, move: Move) -> list[Event]:
    """Return the events of an ownership change for the claim's own tenant, which reveal nothing of rivals."""
    reference = _reference(claim)
    match move.after:
        case Ownership.CHALLENGED:
            challenged = pb.DomainChallenged(
                domain=reference, record=_record(claim), deadline_time=stamp_of(claim.ownership_deadline_at)
            )
            return [_of_domain(challenged, claim)]
        case Ownership.SUPERSEDED:
            return [_of_domain(pb.DomainSuperseded(domain=reference, cause=_cause(move)), claim)]
        case Ownership.SOLE | Ownership.PROVEN if move.before is Ownership.CHALLENGED:
            return [_of_domain(pb.DomainKept(domain=reference, cause=_cause(move)), claim)]
        case Ownership.PROVEN:
            return [_of_domain(pb.DomainProven(domain=reference, cause=_cause(move)), claim)]
    return []


def _cause(move: Move) -> pb.OwnershipCause.ValueType:
    return pb.OwnershipCause.Value(f"OWNERSHIP_CAUSE_{move.cause}")


def _record(claim: Claim) -> pb.OwnershipRecord:
    record = ownership_record(claim.name, claim.ownership_token)
    kind = DnsRecord.Type.Value(f"TYPE_{record.type}")
    return pb.OwnershipRecord(name=record.name, type=kind, value=record.value)


def tenant_paused(tenant: Tenant) -> Event:
    """Return the event that a tenant was paused."""
    data = pb.TenantPaused(tenant_id=str(tenant.id), message=tenant.pause_reason)
    return _of_tenant(data, tenant.id)


def tenant_resumed(tenant: Tenant) -> Event:
    """Return the event that a tenant was resumed."""
    data = pb.TenantResumed(tenant_id=str(tenant.id))
    return _of_tenant(data, tenant.id)


def contact_confirmation_requested(confirmation: Confirmation) -> Event:
    """Return the event that a tenant wants its notices at another address."""
    data = contact_events_pb2.ContactConfirmationRequested(
        tenant_id=str(confirmation.tenant_id),
        confirmation_id=str(confirmation.id),
        address=confirmation.address,
        expire_time=stamp_of(confirmation.expires_at),
    )
    return _of_tenant(data, confirmation.tenant_id)


def contact_confirmed(tenant_id: UUID, address: str, *, previous_address: str) -> Event:
    """Return the event that a tenant confirmed its contact address; `previous_address` may be empty."""
    data = contact_events_pb2.ContactConfirmed(
        tenant_id=str(tenant_id), address=address, previous_address=previous_address
    )
    return _of_tenant(data, tenant_id)


def contact_removed(tenant_id: UUID, previous_address: str) -> Event:
    """Return the event that a tenant removed its contact address."""
    data = contact_events_pb2.ContactRemoved(tenant_id=str(tenant_id), previous_address=previous_address)
    return _of_tenant(data, tenant_id)


def _of_tenant(data: Message, tenant_id: UUID) -> Event:
    return Event(data, tenant_id, resource=str(tenant_id))


def _of_domain(data: Message, claim: Claim) -> Event:
    return Event(data, claim.tenant_id, resource=claim.name)


def _reference(claim: Claim) -> pb.DomainReference:
    return pb.DomainReference(
        id=str(claim.id), name=claim.name, tenant_id=str(claim.tenant_id), generation=claim.generation
    )
