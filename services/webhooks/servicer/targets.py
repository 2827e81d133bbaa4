"""Reads what a request says about an endpoint."""

from collections.abc import Iterable
from uuid import UUID

from chassis.destinations import Destinations
from chassis.errors import InvalidField
from chassis.field_reasons import BadValue
from chassis.protos import id_of
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.webhooks.errors import DomainNotFound
from services.webhooks.model.endpoints import Change, Target

CHANGEABLE = ("url", "event_types", "domain_ids", "state")
MOST_DOMAINS = 100
PREFIX = "EVENT_TYPE_"
# Every type but that of SendTest, which cannot be chosen.
CHOOSABLE = tuple(
    name.removeprefix(PREFIX)
    for name, number in pb.EventType.items()
    if number not in (pb.EVENT_TYPE_UNSPECIFIED, pb.EVENT_TYPE_WEBHOOK_TEST)
)


def target_of(request: pb.CreateEndpointRequest, destinations: Destinations) -> Target:
    """Return the target of a new endpoint; raise InvalidField or DomainNotFound."""
    return Target(
        _url("url", request.url, destinations),
        _types("event_types", request.event_types),
        _claim_ids("domain_ids", request.domain_ids),
    )


def change_of(request: pb.UpdateEndpointRequest, destinations: Destinations) -> Change:
    """Return the change of an endpoint; raise InvalidField or DomainNotFound."""
    paths, new = _paths(request), request.endpoint
    target = Target(
        _url("endpoint.url", new.url, destinations) if "url" in paths else "",
        _types("endpoint.event_types", new.event_types) if "event_types" in paths else (),
        _claim_ids("endpoint.domain_ids", new.domain_ids) if "domain_ids" in paths else (),
        _state(new.state) if "state" in paths else "",
    )
    return Change(paths, target)


def _paths(request: pb.UpdateEndpointRequest) -> frozenset[str]:
    if not request.update_mask.paths:
        raise InvalidField("update_mask", "MISSING")
    if unknown := sorted(set(request.update_mask.paths) - set(CHANGEABLE)):
        allowed = ", ".join(CHANGEABLE)
        raise InvalidField("update_mask", "UNKNOWN_FIELD", value=repr(unknown[0][:40]), allowed=allowed)
    return frozenset(request.update_mask.paths)


def _url(field: str, url: str, destinations: Destinations) -> str:
    if not url:
        raise InvalidField(field, "MISSING")
    try:
        destinations.check(url)
    except BadValue as bad:
        raise InvalidField.of(field, bad) from None
    return url


def _types(field: str, types: Iterable[pb.EventType.ValueType]) -> tuple[str, ...]:
    numbers = tuple(dict.fromkeys(types))
    if not numbers:
        raise InvalidField(field, "MISSING")
    known = {pb.EventType.Value(PREFIX + name): name for name in CHOOSABLE}
    if not known.keys() >= set(numbers):
        raise InvalidField(field, "UNKNOWN_VALUE", allowed=", ".join(CHOOSABLE))
    return tuple(known[number] for number in numbers)


def _claim_ids(field: str, domain_ids: Iterable[str]) -> tuple[UUID, ...]:
    chosen = tuple(dict.fromkeys(id_of(each, DomainNotFound) for each in domain_ids))
    if len(chosen) > MOST_DOMAINS:
        raise InvalidField(field, "TOO_MANY", count=len(chosen), limit=MOST_DOMAINS)
    return chosen


def _state(state: pb.Endpoint.State.ValueType) -> str:
    states = {pb.Endpoint.STATE_ENABLED: "ENABLED", pb.Endpoint.STATE_DISABLED: "DISABLED"}
    if state not in states:
        raise InvalidField("endpoint.state", "UNKNOWN_VALUE", allowed=", ".join(states.values()))
    return states[state]
