"""The feedback of SES that sender applies, as webhooks publishes it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import UUID

from chassis.events import ReceivedEvent
from letterhead.events.v1 import email_events_pb2 as pb
from services.sender.model.emails import Reason
from services.sender.model.feedback import Report, bounced_state, is_soft, word
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason, Explanation
from services.sender.model.states import RecipientState


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
