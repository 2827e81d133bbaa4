"""Validation of received events: an event must come from the owner of its subject and name its tenant.

NATS permissions already let only the owner publish a subject. This check still protects consumers if those
permissions are wrong, and it rejects replies that the NATS server can be made to send to a subject.
"""

from typing import Any

from chassis.events.envelope import Event, ReceivedEvent, source_of
from chassis.events.subjects import INSTALLATION_WIDE, OWNERS, TENANT_IF_KNOWN


class EventRejected(ValueError):
    """The event was not published by the owner of its subject, or names another tenant than its data."""


def trusted(payload: bytes, subject: str) -> ReceivedEvent:
    """Parse the event that arrived on `subject` (without prefix); raise EventRejected if it is not valid."""
    try:
        event = ReceivedEvent.read(payload)
    except ValueError as error:
        raise EventRejected(str(error)) from error
    _check_owner(event, subject)
    _check_tenant(event)
    return event


def check_own(event: Event, schema: str) -> None:
    """Raise ValueError for an event that consumers would reject from this service."""
    if OWNERS.get(event.subject) != schema:
        raise ValueError(
            f"{schema} does not own {event.subject!r}. Set `owner` in protos/letterhead/events/v1."
        )
    if event.tenant_id is None and event.subject not in INSTALLATION_WIDE | TENANT_IF_KNOWN:
        raise ValueError(f"{event.subject} requires a tenant_id")


def _check_owner(event: ReceivedEvent, subject: str) -> None:
    if event.subject != subject:
        raise EventRejected(f"the event has type {event.subject!r} but arrived on {subject!r}")
    if (owner := OWNERS.get(subject)) is None:
        raise EventRejected(f"no service owns {subject!r}")
    if event.source != source_of(owner):
        raise EventRejected(f"{subject} belongs to {owner}, but the source of this event is {event.source!r}")


def _check_tenant(event: ReceivedEvent) -> None:
    if event.tenant_id is None and _needs_tenant(event):
        raise EventRejected(f"{event.subject} has no tenant_id")
    if event.tenant_id is not None and event.subject in INSTALLATION_WIDE:
        raise EventRejected(f"{event.subject} must not have a tenant, but has {event.tenant_id}")
    for named in _tenants_in(event.data):
        if named != str(event.tenant_id):
            raise EventRejected(f"the event has tenant {event.tenant_id}, but its data names {named!r}")


def _needs_tenant(event: ReceivedEvent) -> bool:
    if event.subject in TENANT_IF_KNOWN:
        return any(reference.get("id") for reference in _references(event.data))
    return event.subject not in INSTALLATION_WIDE


def _references(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nested messages in an event's data, such as its email."""
    return [value for value in data.values() if isinstance(value, dict)]


def _tenants_in(data: dict[str, Any]) -> list[Any]:
    found = [each.get("tenantId") for each in (data, *_references(data))]
    return [each for each in found if each]
