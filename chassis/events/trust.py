"""Which received events are believed: those that their owner published, with their tenant.

The server already lets only the owner publish a subject. This holds when its permissions are wrong, and it
sorts out what the server itself may be made to write to a subject: a reply to a request of NATS.
"""

from typing import Any

from chassis.events.envelope import Event, ReceivedEvent, source_of
from chassis.events.subjects import INSTALLATION_WIDE, OWNERS, TENANT_IF_KNOWN


class EventRefused(ValueError):
    """An event that its owner did not publish, or that names another tenant than its data."""


def trusted(payload: bytes, subject: str) -> ReceivedEvent:
    """Read the event that arrived on `subject` (without prefix); raise EventRefused if it is not credible."""
    try:
        event = ReceivedEvent.read(payload)
    except ValueError as error:
        raise EventRefused(str(error)) from error
    _check_owner(event, subject)
    _check_tenant(event)
    return event


def check_own(event: Event, schema: str) -> None:
    """Raise ValueError for an event that consumers would refuse from this service."""
    if OWNERS.get(event.subject) != schema:
        raise ValueError(f"{schema} does not own {event.subject!r}. Add it to chassis/events/subjects.py.")
    if event.tenant_id is None and event.subject not in INSTALLATION_WIDE | TENANT_IF_KNOWN:
        raise ValueError(f"{event.subject} needs the tenant that it is about")


def _check_owner(event: ReceivedEvent, subject: str) -> None:
    if event.subject != subject:
        raise EventRefused(f"the event says {event.subject!r} and arrived on {subject!r}")
    if (owner := OWNERS.get(subject)) is None:
        raise EventRefused(f"no service owns {subject!r}")
    if event.source != source_of(owner):
        raise EventRefused(
            f"{subject} belongs to {owner}, and this one says that it is from {event.source!r}"
        )


def _check_tenant(event: ReceivedEvent) -> None:
    if event.tenant_id is None and _needs_tenant(event):
        raise EventRefused(f"{event.subject} does not say which tenant it is about")
    if event.tenant_id is not None and event.subject in INSTALLATION_WIDE:
        raise EventRefused(f"{event.subject} is about no tenant, and this one names {event.tenant_id}")
    for named in _tenants_in(event.data):
        if named != str(event.tenant_id):
            raise EventRefused(f"the event is about tenant {event.tenant_id}, and its data names {named!r}")


def _needs_tenant(event: ReceivedEvent) -> bool:
    if event.subject in TENANT_IF_KNOWN:
        return any(reference.get("id") for reference in _references(event.data))
    return event.subject not in INSTALLATION_WIDE


def _references(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages within an event's data, such as the email that it is about."""
    return [value for value in data.values() if isinstance(value, dict)]


def _tenants_in(data: dict[str, Any]) -> list[Any]:
    found = [each.get("tenantId") for each in (data, *_references(data))]
    return [each for each in found if each]
