"""The events that sender publishes about emails, suppressions and tenants."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from chassis.events import Event
from chassis.message_ids import ses_message_id
from chassis.protos import parameters_of, stamp_of
from letterhead.events.v1 import domain_events_pb2
from letterhead.events.v1 import email_events_pb2 as pb
from letterhead.events.v1.email_parameters_pb2 import EmailParameters
from letterhead.events.v1.email_reason_pb2 import EmailReason as PublicReason
from letterhead.events.v1.sent_as_pb2 import SentAs as PublicSentAs
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from services.sender.model.emails import Address, RecipientKind, Suppression
from services.sender.model.reasons import Parameters
from services.sender.model.references import Moved, Reference
from services.sender.model.reputation import Concern
from services.sender.model.states import SentAs, State


def of_move(moved: Moved) -> Event | None:
    """Return the event for an email's new state; None for states that are not published."""
    if moved.reference is None:
        return None
    email = to_proto(moved.reference)
    return Event(_MOVES[moved.state](moved, email), moved.tenant_id, resource=str(moved.id))


def scheduled(reference: Reference) -> Event:
    """Return the event for an email with a requested time, new or changed."""
    data = pb.EmailScheduled(email=to_proto(reference))
    return Event(data, reference.tenant_id, resource=str(reference.id))


def suppression_added(suppression: Suppression) -> Event:
    """Return the event for an address added to a suppression list."""
    data = pb.SuppressionAdded(
        tenant_id=str(suppression.tenant_id),
        address=suppression.address,
        reason=SuppressionReason.Value(f"SUPPRESSION_REASON_{suppression.reason}"),
        email_id=str(suppression.email_id or ""),
        expire_time=stamp_of(suppression.expires_at),
        suppression_id=str(suppression.id),
    )
    return Event(data, suppression.tenant_id, resource=suppression.address)


def suppression_removed(suppression: Suppression) -> Event:
    """Return the event for an address removed from a suppression list."""
    data = pb.SuppressionRemoved(
        tenant_id=str(suppression.tenant_id),
        address=suppression.address,
        suppression_id=str(suppression.id),
        reason=SuppressionReason.Value(f"SUPPRESSION_REASON_{suppression.reason}"),
        email_id=str(suppression.email_id or ""),
    )
    return Event(data, suppression.tenant_id, resource=suppression.address)


def tenant_warned(tenant_id: UUID, concern: Concern) -> Event:
    """Return the event for a tenant that is about to be paused for its bounces or complaints."""
    data = domain_events_pb2.TenantWarned(tenant_id=str(tenant_id), **_concern(concern))
    return Event(data, tenant_id, resource=str(tenant_id))


def tenant_slowed(tenant_id: UUID, concern: Concern) -> Event:
    """Return the event for a tenant whose sending rate was lowered for its bounces or complaints."""
    data = domain_events_pb2.TenantSlowed(tenant_id=str(tenant_id), **_concern(concern))
    return Event(data, tenant_id, resource=str(tenant_id))


def tenant_restored(tenant_id: UUID) -> Event:
    """Return the event for a tenant that sends at its normal rate again."""
    data = domain_events_pb2.TenantRestored(tenant_id=str(tenant_id))
    return Event(data, tenant_id, resource=str(tenant_id))


def _concern(concern: Concern) -> dict[str, Any]:
    reason = domain_events_pb2.ReputationReason.Value(f"REPUTATION_REASON_{concern.reason}")
    return {"message": concern.message, "reason": reason}


def to_proto(reference: Reference) -> pb.EmailReference:
    """Return what events say about an email."""
    fields: dict[str, Any] = {"from": _mailbox(reference.sender)}
    return pb.EmailReference(
        id=str(reference.id),
        tenant_id=str(reference.tenant_id),
        domain_id=str(reference.claim_id),
        domain=reference.domain,
        to=reference.addresses(RecipientKind.TO),
        cc=reference.addresses(RecipientKind.CC),
        bcc=reference.addresses(RecipientKind.BCC),
        subject=reference.subject,
        tags=reference.tags,
        ses_id=reference.ses_id,
        message_id=ses_message_id(reference.ses_id, reference.region),
        create_time=stamp_of(reference.created_at),
        scheduled_time=stamp_of(reference.send_at),
        **fields,
    )


def _mailbox(address: Address) -> pb.Mailbox:
    return pb.Mailbox(address=address.address, name=address.name)


def _sent(moved: Moved, email: pb.EmailReference) -> pb.EmailSent:
    return pb.EmailSent(
        email=email,
        sent_as=PublicSentAs.Value(f"SENT_AS_{moved.sent_as or 'UNSPECIFIED'}"),
        sent_from=_mailbox(moved.sent_from) if moved.sent_as is SentAs.SHARED else None,
    )


def _why(moved: Moved) -> dict[str, Any]:
    reason = PublicReason.Value(f"EMAIL_REASON_{moved.why.reason.name}")
    parameters = to_parameters(moved.why.parameters)
    return {"message": moved.why.message, "reason": reason, "parameters": parameters}


def to_parameters(parameters: Parameters) -> EmailParameters | None:
    """Return the parameters of a message; None if there are none."""
    return parameters_of(EmailParameters, parameters)


_MOVES: Mapping[State, Callable[[Moved, pb.EmailReference], Message]] = {
    State.SENT: _sent,
    State.SUPPRESSED: lambda moved, email: pb.EmailSuppressed(email=email, recipients=moved.suppressed),
    State.FAILED: lambda moved, email: pb.EmailFailed(email=email, **_why(moved)),
    State.HELD: lambda moved, email: pb.EmailHeld(email=email, **_why(moved)),
    State.UNKNOWN: lambda moved, email: pb.EmailUnknown(email=email, **_why(moved)),
    State.EXPIRED: lambda moved, email: pb.EmailExpired(email=email, **_why(moved)),
    State.CANCELED: lambda _, email: pb.EmailCanceled(email=email),
}
