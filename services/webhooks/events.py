"""Maps feedback to the events published on NATS. What the feedback means is decided in `model`."""

from collections.abc import Callable

from google.protobuf.message import Message

from chassis.events import Event
from chassis.protos import stamp_of
from letterhead.events.v1 import email_events_pb2 as pb
from services.webhooks.model.feedback import FeedbackEvent, Kind, counted, hard


def event_of(fact: FeedbackEvent) -> Event | None:
    """Return the event to publish for a fact; None for kinds that are only stored, and for heartbeats.

    A heartbeat has an attempt tag but no email tag: it proves that feedback arrives, and concerns no tenant.
    """
    if fact.kind not in _EVENTS or (fact.attempt_id and not fact.email_id):
        return None
    subject, build = _EVENTS[fact.kind]
    return Event(
        subject=subject,
        data=build(fact),
        tenant_id=fact.tenant_id,
        resource=str(fact.email_id or fact.ses_id),
        time=fact.occurred_at,
    )


def _bounce(fact: FeedbackEvent) -> Message:
    recipients = [
        pb.BouncedRecipient(address=each.address, status=each.status, diagnostic_code=each.diagnostic)
        for each in fact.recipients
    ]
    return pb.BounceReceived(
        email=_email(fact),
        bounce_type=fact.text("bounceType"),
        bounce_sub_type=fact.text("bounceSubType"),
        recipients=recipients,
        occur_time=stamp_of(fact.occurred_at),
        hard=hard(fact),
    )


def _complaint(fact: FeedbackEvent) -> Message:
    return pb.ComplaintReceived(
        email=_email(fact),
        recipients=_addresses(fact),
        feedback_type=fact.text("complaintFeedbackType"),
        counted=counted(fact),
        occur_time=stamp_of(fact.occurred_at),
    )


def _delivery(fact: FeedbackEvent) -> Message:
    return pb.DeliveryReceived(
        email=_email(fact),
        recipients=_addresses(fact),
        smtp_response=fact.text("smtpResponse"),
        occur_time=stamp_of(fact.occurred_at),
    )


def _delay(fact: FeedbackEvent) -> Message:
    return pb.DelayReceived(
        email=_email(fact),
        recipients=_addresses(fact),
        delay_type=fact.text("delayType"),
        occur_time=stamp_of(fact.occurred_at),
    )


def _reject(fact: FeedbackEvent) -> Message:
    return pb.RejectReceived(
        email=_email(fact), reason=fact.text("reason"), occur_time=stamp_of(fact.occurred_at)
    )


def _rendering_failure(fact: FeedbackEvent) -> Message:
    return pb.RenderingFailed(
        email=_email(fact), reason=fact.text("errorMessage"), occur_time=stamp_of(fact.occurred_at)
    )


def _open(fact: FeedbackEvent) -> Message:
    return pb.OpenReceived(email=_email(fact), occur_time=stamp_of(fact.occurred_at))


def _click(fact: FeedbackEvent) -> Message:
    return pb.ClickReceived(email=_email(fact), link=fact.text("link"), occur_time=stamp_of(fact.occurred_at))


_EVENTS: dict[Kind, tuple[str, Callable[[FeedbackEvent], Message]]] = {
    Kind.BOUNCE: ("bounce.received", _bounce),
    Kind.COMPLAINT: ("complaint.received", _complaint),
    Kind.DELIVERY: ("delivery.received", _delivery),
    Kind.DELAY: ("delay.received", _delay),
    Kind.REJECT: ("reject.received", _reject),
    Kind.RENDERING_FAILURE: ("rendering.failed", _rendering_failure),
    Kind.OPEN: ("open.received", _open),
    Kind.CLICK: ("click.received", _click),
}


def _email(fact: FeedbackEvent) -> pb.EmailReference:
    return pb.EmailReference(
        id=str(fact.email_id or ""), tenant_id=str(fact.tenant_id or ""), ses_id=fact.ses_id
    )


def _addresses(fact: FeedbackEvent) -> list[str]:
    return [each.address for each in fact.recipients]
