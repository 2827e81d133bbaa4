"""Maps feedback to the events published on NATS. What the feedback means is decided in `model`."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from chassis.events import Event
from chassis.message_ids import ses_message_id
from chassis.protos import stamp_of
from letterhead.events.v1 import email_events_pb2 as pb
from services.webhooks.model.feedback import FeedbackEvent, Kind, Reference, counted, hard, link_tags


def event_of(feedback_event: FeedbackEvent) -> Event | None:
    """Return the event to publish for feedback; None for kinds that are only stored, and for heartbeats.

    A heartbeat has an attempt tag but no email tag: it proves that feedback arrives, and concerns no tenant.
    """
    if feedback_event.kind not in _EVENTS or (feedback_event.attempt_id and not feedback_event.email_id):
        return None
    return Event(
        data=_EVENTS[feedback_event.kind](feedback_event),
        tenant_id=feedback_event.tenant_id,
        resource=str(feedback_event.email_id or feedback_event.ses_id),
        time=feedback_event.occurred_at,
    )


def _bounce(feedback_event: FeedbackEvent) -> Message:
    recipients = [
        pb.BouncedRecipient(address=each.address, status=each.status, diagnostic_code=each.diagnostic)
        for each in feedback_event.recipients
    ]
    return pb.BounceReceived(
        email=_email(feedback_event),
        bounce_type=feedback_event.text("bounceType"),
        bounce_sub_type=feedback_event.text("bounceSubType"),
        recipients=recipients,
        occur_time=stamp_of(feedback_event.occurred_at),
        hard=hard(feedback_event),
    )


def _complaint(feedback_event: FeedbackEvent) -> Message:
    return pb.ComplaintReceived(
        email=_email(feedback_event),
        recipients=_addresses(feedback_event),
        feedback_type=feedback_event.text("complaintFeedbackType"),
        counted=counted(feedback_event),
        occur_time=stamp_of(feedback_event.occurred_at),
    )


def _delivery(feedback_event: FeedbackEvent) -> Message:
    return pb.DeliveryReceived(
        email=_email(feedback_event),
        recipients=_addresses(feedback_event),
        smtp_response=feedback_event.text("smtpResponse"),
        occur_time=stamp_of(feedback_event.occurred_at),
    )


def _delay(feedback_event: FeedbackEvent) -> Message:
    return pb.DelayReceived(
        email=_email(feedback_event),
        recipients=_addresses(feedback_event),
        delay_type=feedback_event.text("delayType"),
        occur_time=stamp_of(feedback_event.occurred_at),
    )


def _reject(feedback_event: FeedbackEvent) -> Message:
    return pb.RejectReceived(
        email=_email(feedback_event),
        reason=feedback_event.text("reason"),
        occur_time=stamp_of(feedback_event.occurred_at),
    )


def _rendering_failure(feedback_event: FeedbackEvent) -> Message:
    return pb.RenderingFailed(
        email=_email(feedback_event),
        reason=feedback_event.text("errorMessage"),
        occur_time=stamp_of(feedback_event.occurred_at),
    )


def _open(feedback_event: FeedbackEvent) -> Message:
    return pb.OpenReceived(
        email=_email(feedback_event),
        occur_time=stamp_of(feedback_event.occurred_at),
        ip_address=feedback_event.text("ipAddress"),
        user_agent=feedback_event.text("userAgent"),
    )


def _click(feedback_event: FeedbackEvent) -> Message:
    return pb.ClickReceived(
        email=_email(feedback_event),
        link=feedback_event.text("link"),
        occur_time=stamp_of(feedback_event.occurred_at),
        ip_address=feedback_event.text("ipAddress"),
        user_agent=feedback_event.text("userAgent"),
        link_tags=[pb.LinkTag(name=name, value=value) for name, value in link_tags(feedback_event)],
    )


_EVENTS: dict[Kind, Callable[[FeedbackEvent], Message]] = {
    Kind.BOUNCE: _bounce,
    Kind.COMPLAINT: _complaint,
    Kind.DELIVERY: _delivery,
    Kind.DELAY: _delay,
    Kind.REJECT: _reject,
    Kind.RENDERING_FAILURE: _rendering_failure,
    Kind.OPEN: _open,
    Kind.CLICK: _click,
}


def _email(feedback_event: FeedbackEvent) -> pb.EmailReference:
    email = pb.EmailReference(
        id=str(feedback_event.email_id or ""),
        tenant_id=str(feedback_event.tenant_id or ""),
        ses_id=feedback_event.ses_id,
    )
    if feedback_event.reference is not None:
        email.MergeFrom(_described(feedback_event.reference, feedback_event.ses_id))
    return email


def _described(reference: Reference, ses_id: str) -> pb.EmailReference:
    address, name = reference.sender
    fields: dict[str, Any] = {"from": pb.Mailbox(address=address, name=name)}
    return pb.EmailReference(
        domain_id=str(reference.claim_id),
        domain=reference.domain,
        to=reference.addresses("TO"),
        cc=reference.addresses("CC"),
        bcc=reference.addresses("BCC"),
        subject=reference.subject,
        tags=reference.tags,
        message_id=ses_message_id(ses_id, reference.region),
        create_time=stamp_of(reference.created_at),
        scheduled_time=stamp_of(reference.send_at),
        **fields,
    )


def _addresses(feedback_event: FeedbackEvent) -> list[str]:
    return [each.address for each in feedback_event.recipients]
