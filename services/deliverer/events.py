"""Maps events from NATS to what endpoints receive, in the shapes of `model.payloads`; builds our own."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from chassis.events import Event, ReceivedEvent
from chassis.protos import stamp_of
from letterhead.events.v1 import domain_events_pb2 as domains_pb
from letterhead.events.v1 import email_events_pb2 as emails_pb
from letterhead.events.v1 import endpoint_events_pb2 as endpoints_pb
from letterhead.events.v1.email_reason_pb2 import EmailReason
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.identity.v1.domain_reason_pb2 import DomainReason
from letterhead.webhooks.v1 import webhook_service_pb2 as webhooks_pb
from services.deliverer.model.messages import Attempt, Leased, Occurrence
from services.deliverer.model.payloads import (
    Domain,
    Email,
    bounce,
    domain_event,
    email_event,
    suppressed,
    suppression_event,
)

Domains = Mapping[UUID, Domain]

# By subject: the message, the type besides DOMAIN_UPDATED, and Resend's status of the domain.
_DOMAINS: Mapping[str, tuple[type[Message], str | None, str]] = {
    "domain.created": (domains_pb.DomainCreated, "DOMAIN_CREATED", "not_started"),
    "domain.provisioned": (domains_pb.DomainProvisioned, None, "pending"),
    "domain.ready": (domains_pb.DomainReady, "DOMAIN_READY", "verified"),
    "domain.degraded": (domains_pb.DomainDegraded, "DOMAIN_DEGRADED", "partially_failed"),
    "domain.lost": (domains_pb.DomainLost, "DOMAIN_LOST", "failed"),
    "domain.failed": (domains_pb.DomainFailed, None, "failed"),
    "domain.deleted": (domains_pb.DomainDeleted, "DOMAIN_DELETED", "not_started"),
}
_NOT_UPDATES = frozenset({"domain.created", "domain.deleted"})


def claim_of(event: ReceivedEvent) -> UUID | None:
    """Return the domain that must be described before `occurrences` is called; None if the event has all."""
    return UUID(event.data["domain"]["id"]) if event.subject in _DOMAINS else None


def occurrences(event: ReceivedEvent, domains: Domains) -> Iterator[Occurrence]:
    """Yield what endpoints receive for an event; nothing about a domain that is not among `domains`."""
    if event.subject in _DOMAINS:
        yield from _domain(event, domains)
    else:
        yield from _OTHERS[event.subject](event)


def endpoint_failing(attempt: Attempt, since: datetime) -> Event:
    """Return the event for an endpoint to which every post has failed since a time."""
    data = endpoints_pb.EndpointFailing(
        endpoint=_endpoint(attempt.message),
        failing_since_time=stamp_of(since),
        last_status=attempt.answer.status or 0,
    )
    return Event(data, attempt.message.tenant_id, resource=str(attempt.message.endpoint_id))


def endpoint_disabled(attempt: Attempt, reason: str) -> Event:
    """Return the event for an endpoint to which nothing more is posted."""
    data = endpoints_pb.EndpointDisabled(
        endpoint=_endpoint(attempt.message),
        reason=webhooks_pb.Endpoint.DisableReason.Value(f"DISABLE_REASON_{reason}"),
        last_status=attempt.answer.status or 0,
    )
    return Event(data, attempt.message.tenant_id, resource=str(attempt.message.endpoint_id))


def _endpoint(message: Leased) -> endpoints_pb.EndpointReference:
    return endpoints_pb.EndpointReference(
        id=str(message.endpoint_id), tenant_id=str(message.tenant_id), url=message.url
    )


def _domain(event: ReceivedEvent, domains: Domains) -> Iterator[Occurrence]:
    kind, own_type, status = _DOMAINS[event.subject]
    message: Any = event.parse(kind)
    domain = domains.get(UUID(message.domain.id))
    if domain is None:
        return
    if event.subject not in _NOT_UPDATES:
        yield domain_event("DOMAIN_UPDATED", domain, status)
    if own_type is not None:
        yield domain_event(own_type, domain, status, **_explained(message))


def _explained(message: Any) -> dict[str, Any]:
    """Return the reason and the message of a change of state; nothing for other events."""
    if "reason" not in message.DESCRIPTOR.fields_by_name:
        return {}
    reason = DomainReason.Name(message.reason).removeprefix("DOMAIN_REASON_").lower()
    return {"reason": reason, "message": message.message}


def _scheduled(event: ReceivedEvent) -> Iterator[Occurrence]:
    yield email_event("EMAIL_SCHEDULED", _email(event.parse(emails_pb.EmailScheduled).email))


def _sent(event: ReceivedEvent) -> Iterator[Occurrence]:
    yield email_event("EMAIL_SENT", _email(event.parse(emails_pb.EmailSent).email))


def _delivered(event: ReceivedEvent) -> Iterator[Occurrence]:
    message = event.parse(emails_pb.EmailDelivered)
    yield email_event("EMAIL_DELIVERED", _email(message.email), recipient=message.recipient)


def _delayed(event: ReceivedEvent) -> Iterator[Occurrence]:
    message = event.parse(emails_pb.EmailDeliveryDelayed)
    yield email_event("EMAIL_DELIVERY_DELAYED", _email(message.email), recipient=message.recipient)


def _bounced(event: ReceivedEvent) -> Iterator[Occurrence]:
    message = event.parse(emails_pb.EmailBounced)
    more = bounce(message.bounce_type, message.bounce_sub_type, message.diagnostic_code)
    yield email_event("EMAIL_BOUNCED", _email(message.email), recipient=message.recipient, **more)


def _complained(event: ReceivedEvent) -> Iterator[Occurrence]:
    message = event.parse(emails_pb.EmailComplained)
    yield email_event("EMAIL_COMPLAINED", _email(message.email), recipient=message.recipient)


def _failed(event: ReceivedEvent) -> Iterator[Occurrence]:
    yield _failure(event.parse(emails_pb.EmailFailed))


def _expired(event: ReceivedEvent) -> Iterator[Occurrence]:
    yield _failure(event.parse(emails_pb.EmailExpired))


def _failure(message: emails_pb.EmailFailed | emails_pb.EmailExpired) -> Occurrence:
    failed = {"reason": _reason(message.reason), "message": message.message}
    return email_event("EMAIL_FAILED", _email(message.email), failed=failed)


def _suppressed(event: ReceivedEvent) -> Iterator[Occurrence]:
    message = event.parse(emails_pb.EmailSuppressed)
    for recipient in message.recipients:
        yield email_event("EMAIL_SUPPRESSED", _email(message.email), recipient=recipient, **suppressed())


def _held(event: ReceivedEvent) -> Iterator[Occurrence]:
    message = event.parse(emails_pb.EmailHeld)
    held = {"reason": _reason(message.reason), "message": message.message}
    yield email_event("EMAIL_HELD", _email(message.email), held=held)


def _canceled(event: ReceivedEvent) -> Iterator[Occurrence]:
    yield email_event("EMAIL_CANCELED", _email(event.parse(emails_pb.EmailCanceled).email))


def _suppression_added(event: ReceivedEvent) -> Iterator[Occurrence]:
    yield _suppression("SUPPRESSION_ADDED", event, event.parse(emails_pb.SuppressionAdded))


def _suppression_removed(event: ReceivedEvent) -> Iterator[Occurrence]:
    yield _suppression("SUPPRESSION_REMOVED", event, event.parse(emails_pb.SuppressionRemoved))


def _suppression(
    event_type: str, event: ReceivedEvent, message: emails_pb.SuppressionAdded | emails_pb.SuppressionRemoved
) -> Occurrence:
    return suppression_event(
        event_type,
        message.suppression_id or str(event.id),  # a sender of an older release leaves it out
        message.address,
        reason=SuppressionReason.Name(message.reason).removeprefix("SUPPRESSION_REASON_"),
        email_id=message.email_id,
        at=event.time,
    )


_OTHERS: Mapping[str, Callable[[ReceivedEvent], Iterator[Occurrence]]] = {
    "email.scheduled": _scheduled,
    "email.sent": _sent,
    "email.delivered": _delivered,
    "email.delivery_delayed": _delayed,
    "email.bounced": _bounced,
    "email.complained": _complained,
    "email.failed": _failed,
    "email.expired": _expired,
    "email.suppressed": _suppressed,
    "email.held": _held,
    "email.canceled": _canceled,
    "suppression.added": _suppression_added,
    "suppression.removed": _suppression_removed,
}


def _email(reference: emails_pb.EmailReference) -> Email:
    sender = getattr(reference, "from")
    return Email(
        id=reference.id,
        claim_id=UUID(reference.domain_id) if reference.domain_id else None,
        message_id=reference.message_id,
        created_at=_datetime(reference.create_time),
        address=sender.address,
        name=sender.name,
        to=tuple(reference.to),
        subject=reference.subject,
        tags=dict(reference.tags),
    )


def _reason(reason: EmailReason.ValueType) -> str:
    return EmailReason.Name(reason).removeprefix("EMAIL_REASON_").lower()


def _datetime(stamp: Any) -> datetime:
    time: datetime = stamp.ToDatetime(UTC)
    return time
