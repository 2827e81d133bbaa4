"""The events that tenants get a notice about."""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from chassis.events import ReceivedEvent
from letterhead.events.v1 import contact_events_pb2, domain_events_pb2, endpoint_events_pb2
from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.webhooks.v1.webhook_service_pb2 import Endpoint as EndpointProto
from services.sender.model.notices import (
    ContactConfirmation,
    ContactRemoved,
    ContactReplaced,
    DomainChallenged,
    DomainKept,
    DomainSuperseded,
    EndpointDisabled,
    EndpointFailing,
    Notice,
)


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


def _endpoint_failing(event: ReceivedEvent, ids: dict[str, Any]) -> Notice:
    data = event.parse(endpoint_events_pb2.EndpointFailing)
    return EndpointFailing(
        url=data.endpoint.url,
        failing_since=data.failing_since_time.ToDatetime(UTC),
        last_answer=_answer(data.last_status),
        **ids,
    )


def _endpoint_disabled(event: ReceivedEvent, ids: dict[str, Any]) -> Notice:
    data = event.parse(endpoint_events_pb2.EndpointDisabled)
    gone = data.reason == EndpointProto.DISABLE_REASON_GONE
    return EndpointDisabled(
        url=data.endpoint.url,
        cause="it answered that it is gone" if gone else "every post to it failed for five days",
        last_answer=_answer(data.last_status),
        **ids,
    )


def _answer(status: int) -> str:
    return f"status {status}" if status else "none"


# The events that tenants get a notice about.
NOTICES: Mapping[str, Callable[[ReceivedEvent, dict[str, Any]], Notice | None]] = {
    "contact.confirmation_requested": _contact_confirmation,
    "contact.confirmed": _contact_replaced,
    "contact.removed": _contact_removed,
    "domain.challenged": _domain_challenged,
    "domain.kept": _challenge_ended,
    "domain.superseded": _domain_superseded,
    "endpoint.disabled": _endpoint_disabled,
    "endpoint.failing": _endpoint_failing,
}
