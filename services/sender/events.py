"""Events in both directions: those that sender publishes, and the SES feedback that it applies.

Besides the servicers, this is the only file that uses the protobuf messages.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from chassis.events import Event, ReceivedEvent
from letterhead.events.v1 import domain_events_pb2
from letterhead.events.v1 import email_events_pb2 as pb
from letterhead.events.v1.email_reason_pb2 import EmailReason as PublicReason
from services.sender.model.emails import Reason, Suppression
from services.sender.model.feedback import Report, bounced_state, word
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason, Explanation
from services.sender.model.reputation import Concern
from services.sender.model.states import Moved, RecipientState, State


def of_move(moved: Moved) -> Event | None:
    """Return the event for an email's new state; None for intermediate states."""
    if moved.state not in _MOVES:
        return None
    return Event(_MOVES[moved.state](moved), moved.tenant_id, resource=str(moved.id))


def suppression_added(suppression: Suppression) -> Event:
    """Return the event for an address added to a suppression list."""
    data = pb.SuppressionAdded(
        tenant_id=str(suppression.tenant_id),
        address=suppression.address,
        reason=suppression.reason,
        email_id=str(suppression.email_id or ""),
    )
    return Event(data, suppression.tenant_id, resource=suppression.address)


def suppression_removed(suppression: Suppression) -> Event:
    """Return the event for an address removed from a suppression list."""
    data = pb.SuppressionRemoved(tenant_id=str(suppression.tenant_id), address=suppression.address)
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


def read_report(event: ReceivedEvent) -> Report:
    """Return what a feedback event reports; raise ValueError if its email id is not a UUID."""
    return FEEDBACK[event.subject](event)


def _bounce(event: ReceivedEvent) -> Report:
    data = event.parse(pb.BounceReceived)
    explained = any(each.status or each.diagnostic_code for each in data.recipients)
    return Report(
        *_email(data.email),
        words=[word(each.address, _bounced(data, each)) for each in data.recipients],
        state=bounced_state(data.bounce_type, data.bounce_sub_type, explained=explained),
        suppress=Reason.BOUNCE if data.hard else None,
    )


def _bounced(data: pb.BounceReceived, recipient: pb.BouncedRecipient) -> Explanation:
    return explain(
        EmailReason.BOUNCED,
        bounce_type=data.bounce_type,
        bounce_sub_type=data.bounce_sub_type,
        enhanced_status=recipient.status,
        response=recipient.diagnostic_code,
    )


def _complaint(event: ReceivedEvent) -> Report:
    data = event.parse(pb.ComplaintReceived)
    why = explain(EmailReason.COMPLAINED, feedback_type=data.feedback_type)
    return Report(
        *_email(data.email),
        words=[word(address, why) for address in data.recipients],
        state=RecipientState.COMPLAINED if data.counted else None,
        suppress=Reason.COMPLAINT if data.counted else None,
    )


def _delivery(event: ReceivedEvent) -> Report:
    data = event.parse(pb.DeliveryReceived)
    why = explain(EmailReason.DELIVERED, response=data.smtp_response)
    words = [word(address, why) for address in data.recipients]
    return Report(*_email(data.email), words=words, state=RecipientState.DELIVERED)


def _delay(event: ReceivedEvent) -> Report:
    data = event.parse(pb.DelayReceived)
    why = explain(EmailReason.DELAYED, delay_type=data.delay_type)
    words = [word(address, why) for address in data.recipients]
    return Report(*_email(data.email), words=words, state=RecipientState.DELAYED)


def _reject(event: ReceivedEvent) -> Report:
    data = event.parse(pb.RejectReceived)
    why = explain(EmailReason.CONTENT_REJECTED, ses_message=data.reason)
    return Report(*_email(data.email), rejected=why)


def _rendering_failure(event: ReceivedEvent) -> Report:
    data = event.parse(pb.RenderingFailed)
    why = explain(EmailReason.RENDERING_FAILED, ses_message=data.reason)
    return Report(*_email(data.email), rejected=why)


FEEDBACK: Mapping[str, Callable[[ReceivedEvent], Report]] = {
    "bounce.received": _bounce,
    "complaint.received": _complaint,
    "delivery.received": _delivery,
    "delay.received": _delay,
    "reject.received": _reject,
    "rendering.failed": _rendering_failure,
}


def _email(reference: pb.EmailReference) -> tuple[UUID | None, str]:
    return UUID(reference.id) if reference.id else None, reference.ses_id


def _sent(moved: Moved) -> Message:
    return pb.EmailSent(email=_reference(moved), sent_as=moved.sent_as or "")


def _suppressed(moved: Moved) -> Message:
    return pb.EmailSuppressed(email=_reference(moved), recipients=moved.suppressed)


def _why(moved: Moved) -> dict[str, Any]:
    reason = PublicReason.Value(f"EMAIL_REASON_{moved.why.reason.name}")
    return {"message": moved.why.message, "reason": reason}


_MOVES: Mapping[State, Callable[[Moved], Message]] = {
    State.SENT: _sent,
    State.SUPPRESSED: _suppressed,
    State.FAILED: lambda moved: pb.EmailFailed(email=_reference(moved), **_why(moved)),
    State.HELD: lambda moved: pb.EmailHeld(email=_reference(moved), **_why(moved)),
    State.UNKNOWN: lambda moved: pb.EmailUnknown(email=_reference(moved), **_why(moved)),
    State.EXPIRED: lambda moved: pb.EmailExpired(email=_reference(moved), **_why(moved)),
    State.CANCELED: lambda moved: pb.EmailCanceled(email=_reference(moved)),
}


def _reference(moved: Moved) -> pb.EmailReference:
    return pb.EmailReference(
        id=str(moved.id),
        tenant_id=str(moved.tenant_id),
        ses_id=moved.ses_id,
        domain_id=str(moved.claim_id),
        tags=moved.tags,
    )
