"""The events that sender publishes about one recipient, of the feedback that moves it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from google.protobuf.message import Message

from chassis.addresses import match_of
from chassis.events import Event, ReceivedEvent
from chassis.protos import stamp_of
from letterhead.events.v1 import email_events_pb2 as pb
from services.sender.events.published import to_proto
from services.sender.model.emails import RecipientKind
from services.sender.model.references import Reference


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
