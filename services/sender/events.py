"""Events in both directions: those that sender publishes, the SES feedback that it applies, and notices.

Besides the servicers, this is the only file that uses the protobuf messages.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any, TypeAlias
from uuid import UUID

from google.protobuf.message import Message

from chassis.aws import ses_message_id
from chassis.events import Event, ReceivedEvent
from chassis.protos import parameters_of, stamp_of
from letterhead.events.v1 import contact_events_pb2, domain_events_pb2
from letterhead.events.v1 import email_events_pb2 as pb
from letterhead.events.v1.email_parameters_pb2 import EmailParameters
from letterhead.events.v1.email_reason_pb2 import EmailReason as PublicReason
from letterhead.events.v1.sent_as_pb2 import SentAs as PublicSentAs
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.identity.v1.domains_pb2 import DnsRecord
from services.sender.model.emails import Address, Reason, RecipientKind, Suppression
from services.sender.model.feedback import Report, bounced_state, is_soft, match_of, word
from services.sender.model.messages import explain
from services.sender.model.notices import (
    ContactConfirmation,
    ContactRemoved,
    ContactReplaced,
    DomainChallenged,
    DomainKept,
    DomainSuperseded,
    Notice,
)
from services.sender.model.reasons import EmailReason, Explanation, Parameters
from services.sender.model.references import Moved, Reference
from services.sender.model.reputation import Concern
from services.sender.model.states import RecipientState, SentAs, State


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


def of_recipient(received: ReceivedEvent, reference: Reference, recipient: str) -> Event:
    """Return the event for one recipient that feedback is about; `recipient` is empty if it is unknown."""
    message, particulars = _RECIPIENTS[received.subject](received, recipient)
    data = message(
        email=to_proto(reference),
        recipient=recipient,
        recipient_kind=_KINDS[reference.kind_of(recipient)],
        occur_time=stamp_of(received.time),
        **particulars,
    )
    return Event(data, reference.tenant_id, resource=str(reference.id), time=received.time)


def suppression_added(suppression: Suppression) -> Event:
    """Return the event for an address added to a suppression list."""
    data = pb.SuppressionAdded(
        tenant_id=str(suppression.tenant_id),
        address=suppression.address,
        reason=SuppressionReason.Value(f"SUPPRESSION_REASON_{suppression.reason}"),
        email_id=str(suppression.email_id or ""),
        expire_time=stamp_of(suppression.expires_at),
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


def without_description(event: ReceivedEvent) -> ReceivedEvent:
    """Return a feedback event that only identifies its email, whose description takes long to parse."""
    email = event.data.get("email") or {}
    identified = {name: email[name] for name in ("id", "sesId") if name in email}
    return replace(event, data={**event.data, "email": identified})


def read_report(event: ReceivedEvent) -> Report:
    """Return what a feedback event reports; raise ValueError if its email id is not a UUID."""
    return FEEDBACK[event.subject](event)


def _bounce(event: ReceivedEvent) -> Report:
    data = event.parse(pb.BounceReceived)
    explained = any(each.status or each.diagnostic_code for each in data.recipients)
    return Report(
        *_email(data.email),
        words=[word(each.address, _why_bounced(data, each)) for each in data.recipients],
        state=bounced_state(data.bounce_type, data.bounce_sub_type, explained=explained),
        suppress=Reason.BOUNCE if data.hard else None,
        soft=is_soft(data.bounce_type, data.bounce_sub_type, explained=explained),
    )


def _why_bounced(data: pb.BounceReceived, recipient: pb.BouncedRecipient) -> Explanation:
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
    "open.received": lambda event: Report(*_email(event.parse(pb.OpenReceived).email), engaged=True),
    "click.received": lambda event: Report(*_email(event.parse(pb.ClickReceived).email), engaged=True),
}


def _email(reference: pb.EmailReference) -> tuple[UUID | None, str]:
    return UUID(reference.id) if reference.id else None, reference.ses_id


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


_KINDS: Mapping[RecipientKind | None, pb.RecipientKind.ValueType] = {
    None: pb.RECIPIENT_KIND_UNSPECIFIED,
    **{kind: pb.RecipientKind.Value(f"RECIPIENT_KIND_{kind}") for kind in RecipientKind},
}

# The message of an event about one recipient, and what is particular to it.
_Particulars: TypeAlias = tuple[Callable[..., Message], dict[str, Any]]


def _delivered(received: ReceivedEvent, _: str) -> _Particulars:
    data = received.parse(pb.DeliveryReceived)
    return pb.EmailDelivered, {"smtp_response": data.smtp_response}


def _delayed(received: ReceivedEvent, _: str) -> _Particulars:
    data = received.parse(pb.DelayReceived)
    return pb.EmailDeliveryDelayed, {"delay_type": data.delay_type}


def _bounced(received: ReceivedEvent, recipient: str) -> _Particulars:
    data = received.parse(pb.BounceReceived)
    reported = (each for each in data.recipients if match_of(each.address) == match_of(recipient))
    response = next(reported, pb.BouncedRecipient())
    return pb.EmailBounced, {
        "bounce_type": data.bounce_type,
        "bounce_sub_type": data.bounce_sub_type,
        "status": response.status,
        "diagnostic_code": response.diagnostic_code,
        "hard": data.hard,
    }


def _complained(received: ReceivedEvent, _: str) -> _Particulars:
    data = received.parse(pb.ComplaintReceived)
    return pb.EmailComplained, {"feedback_type": data.feedback_type}


def _rejected(received: ReceivedEvent, _: str) -> _Particulars:
    return pb.EmailRejected, {"reason": received.parse(pb.RejectReceived).reason}


def _not_rendered(received: ReceivedEvent, _: str) -> _Particulars:
    return pb.EmailRejected, {"reason": received.parse(pb.RenderingFailed).reason}


def _opened(received: ReceivedEvent, _: str) -> _Particulars:
    data = received.parse(pb.OpenReceived)
    return pb.EmailOpened, {"ip_address": data.ip_address, "user_agent": data.user_agent}


def _clicked(received: ReceivedEvent, _: str) -> _Particulars:
    data = received.parse(pb.ClickReceived)
    return pb.EmailClicked, {
        "ip_address": data.ip_address,
        "user_agent": data.user_agent,
        "link": data.link,
        "link_tags": data.link_tags,
    }


_RECIPIENTS: Mapping[str, Callable[[ReceivedEvent, str], _Particulars]] = {
    "delivery.received": _delivered,
    "delay.received": _delayed,
    "bounce.received": _bounced,
    "complaint.received": _complained,
    "reject.received": _rejected,
    "rendering.failed": _not_rendered,
    "open.received": _opened,
    "click.received": _clicked,
}


def read_notice(event: ReceivedEvent) -> Notice | None:
    """Return the notice that a tenant gets about an event; None if it gets none."""
    if event.tenant_id is None:
        raise ValueError(f"{event.subject} has no tenant")
    return NOTICES[event.subject](event, {"event_id": event.id, "tenant_id": event.tenant_id})


def _contact_confirmation(event: ReceivedEvent, ids: dict[str, Any]) -> Notice:
    data = event.parse(contact_events_pb2.ContactConfirmationRequested)
    return ContactConfirmation(
        confirmation_id=UUID(data.confirmation_id),
        to=data.address,
        expires_at=data.expire_time.ToDatetime(UTC),
        **ids,
    )


def _contact_replaced(event: ReceivedEvent, ids: dict[str, Any]) -> Notice | None:
    data = event.parse(contact_events_pb2.ContactConfirmed)
    return ContactReplaced(previous_address=data.previous_address, **ids) if data.previous_address else None


def _contact_removed(event: ReceivedEvent, ids: dict[str, Any]) -> Notice:
    data = event.parse(contact_events_pb2.ContactRemoved)
    return ContactRemoved(previous_address=data.previous_address, **ids)


def _domain_challenged(event: ReceivedEvent, ids: dict[str, Any]) -> Notice:
    data = event.parse(domain_events_pb2.DomainChallenged)
    return DomainChallenged(
        domain=data.domain.name,
        deadline_at=data.deadline_time.ToDatetime(UTC),
        record_name=data.record.name,
        record_type=DnsRecord.Type.Name(data.record.type).removeprefix("TYPE_"),
        record_value=data.record.value,
        **ids,
    )


def _challenge_ended(event: ReceivedEvent, ids: dict[str, Any]) -> Notice:
    return DomainKept(domain=event.parse(domain_events_pb2.DomainKept).domain.name, **ids)


def _domain_superseded(event: ReceivedEvent, ids: dict[str, Any]) -> Notice:
    return DomainSuperseded(domain=event.parse(domain_events_pb2.DomainSuperseded).domain.name, **ids)


# The events that tenants get a notice about.
NOTICES: Mapping[str, Callable[[ReceivedEvent, dict[str, Any]], Notice | None]] = {
    "contact.confirmation_requested": _contact_confirmation,
    "contact.confirmed": _contact_replaced,
    "contact.removed": _contact_removed,
    "domain.challenged": _domain_challenged,
    "domain.kept": _challenge_ended,
    "domain.superseded": _domain_superseded,
}
