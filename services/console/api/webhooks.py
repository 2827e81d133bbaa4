"""The webhook endpoints: a tenant's endpoints, the events posted to them, and the attempts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.console.api import errors, models
from services.console.api.endpoints import IDEMPOTENCY_KEY, ApiRequest, Endpoint
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of
from services.console.api.times import time_of
from services.console.event_types import CHOOSABLE, OF_TYPE, TYPES

EventStatus: TypeAlias = Literal["success", "pending", "failed", "attempting"]
Types: TypeAlias = Annotated[list[str], Meta(min_length=1, max_length=models.MOST_OF_BATCH)]

STATES: Mapping[str, pb.Endpoint.State.ValueType] = {
    "enabled": pb.Endpoint.STATE_ENABLED,
    "disabled": pb.Endpoint.STATE_DISABLED,
}
OF_EVENT_STATE: Mapping[int, EventStatus] = {
    pb.EndpointEvent.STATE_PENDING: "pending",
    pb.EndpointEvent.STATE_DELIVERED: "success",
    pb.EndpointEvent.STATE_FAILED: "failed",
    pb.EndpointEvent.STATE_UNSENT: "failed",
}


class CreateWebhook(models.Body):
    """A URL, and the types of events to post to it."""

    endpoint: str
    events: Types


class UpdateWebhook(models.Body):
    """New values of a webhook."""

    endpoint: str | None = None
    events: Types | None = None
    status: str | None = None


class WebhookEntry(models.Answer):
    """A webhook as shown in lists."""

    id: str
    endpoint: str
    created_at: str
    status: models.Switch
    events: list[str]


class Webhook(WebhookEntry, kw_only=True):
    """A webhook with the secret that verifies its signatures."""

    object: Literal["webhook"] = "webhook"
    signing_secret: str


class WebhookReference(models.Answer, kw_only=True):
    """A webhook that was changed."""

    object: Literal["webhook"] = "webhook"
    id: str


class WebhookSecret(WebhookReference, kw_only=True):
    """A webhook with its new secret."""

    signing_secret: str


class DeletedWebhook(WebhookReference, kw_only=True):
    """A deleted webhook."""

    deleted: bool = True


class WebhookEventEntry(models.Answer):
    """An event of a webhook as shown in lists."""

    id: str
    type: str
    created_at: str
    status: EventStatus


class WebhookEvent(WebhookEventEntry, kw_only=True):
    """An event of a webhook with the JSON that is posted."""

    object: Literal["webhook_event"] = "webhook_event"
    next_attempt_at: str | None
    payload: Any


class WebhookEventReference(models.Answer, kw_only=True):
    """An event that is posted again."""

    object: Literal["webhook_event"] = "webhook_event"
    id: str


class WebhookAttempt(models.Answer):
    """One post of an event. `http_status_code` is 0 if there was no answer; `problem` says why."""

    id: str
    http_status_code: int
    response: str
    sent_at: str
    problem: str | UnsetType = UNSET


async def create(incoming: ApiRequest) -> WebhookSecret:
    """Create a webhook and return the secret that verifies its signatures."""
    body = incoming.body(CreateWebhook)
    request = pb.CreateEndpointRequest(
        url=body.endpoint, event_types=_types(body.events), request_id=incoming.request_id()
    )
    created = (await incoming.call(incoming.stubs.webhooks.CreateEndpoint, request)).endpoint
    return WebhookSecret(id=created.id, signing_secret=created.secret)


async def list_(incoming: ApiRequest) -> models.Listing[WebhookEntry]:
    """List webhooks, newest first, without their secrets."""
    request = pb.ListEndpointsRequest(**page_of(incoming.query))
    found = await incoming.call(incoming.stubs.webhooks.ListEndpoints, request)
    return listing(found, found.endpoints, _entry)


async def get(incoming: ApiRequest) -> Webhook:
    """Retrieve a webhook with its secret."""
    request = pb.GetEndpointRequest(endpoint_id=incoming.id("webhook_id"))
    found = (await incoming.call(incoming.stubs.webhooks.GetEndpoint, request)).endpoint
    return Webhook(signing_secret=found.secret, **_shown(found))


async def update(incoming: ApiRequest) -> WebhookReference:
    """Change the URL, the types or the status of a webhook."""
    body, changed = incoming.body(UpdateWebhook), pb.Endpoint(id=incoming.id("webhook_id"))
    request = pb.UpdateEndpointRequest(endpoint=changed)
    if body.endpoint is not None:
        request.endpoint.url = body.endpoint
        request.update_mask.paths.append("url")
    if body.events is not None:
        request.endpoint.event_types.extend(_types(body.events))
        request.update_mask.paths.append("event_types")
    if body.status is not None:
        request.endpoint.state = _state(body.status)
        request.update_mask.paths.append("state")
    if not request.update_mask.paths:
        raise Rejected(errors.INVALID, "Set at least one of `endpoint`, `events` and `status`.")
    updated = (await incoming.call(incoming.stubs.webhooks.UpdateEndpoint, request)).endpoint
    return WebhookReference(id=updated.id)


async def delete(incoming: ApiRequest) -> DeletedWebhook:
    """Delete a webhook."""
    webhook_id = incoming.id("webhook_id")
    request = pb.DeleteEndpointRequest(endpoint_id=webhook_id)
    await incoming.call(incoming.stubs.webhooks.DeleteEndpoint, request)
    return DeletedWebhook(id=webhook_id)


async def rotate(incoming: ApiRequest) -> WebhookSecret:
    """Replace the secret of a webhook. The previous one signs too for 24 hours."""
    request = pb.RotateSecretRequest(endpoint_id=incoming.id("webhook_id"))
    rotated = (await incoming.call(incoming.stubs.webhooks.RotateSecret, request)).endpoint
    return WebhookSecret(id=rotated.id, signing_secret=rotated.secret)


async def list_events(incoming: ApiRequest) -> models.Listing[WebhookEventEntry]:
    """List the events of a webhook, newest first. They are kept for 30 days."""
    request = pb.ListEventsRequest(endpoint_id=incoming.id("webhook_id"), **_page(incoming))
    found = await incoming.call(incoming.stubs.webhooks.ListEvents, request)
    return listing(found, found.events, _event_entry)


async def get_event(incoming: ApiRequest) -> WebhookEvent:
    """Retrieve an event of a webhook with its payload."""
    request = pb.GetEventRequest(**_event_of(incoming))
    found = (await incoming.call(incoming.stubs.webhooks.GetEvent, request)).event
    next_at = time_of(found.next_attempt_time) if found.HasField("next_attempt_time") else None
    return WebhookEvent(
        next_attempt_at=next_at, payload=msgspec.json.decode(found.payload), **_event_shown(found)
    )


async def replay(incoming: ApiRequest) -> WebhookEventReference:
    """Post an event again, even if it was delivered."""
    request = pb.ReplayRequest(**_event_of(incoming))
    await incoming.call(incoming.stubs.webhooks.Replay, request)
    return WebhookEventReference(id=request.event_id)


async def list_attempts(incoming: ApiRequest) -> models.Listing[WebhookAttempt]:
    """List the attempts to post an event, newest first."""
    request = pb.ListAttemptsRequest(**_event_of(incoming), **_page(incoming))
    found = await incoming.call(incoming.stubs.webhooks.ListAttempts, request)
    return listing(found, found.attempts, _attempt)


def _types(names: list[str]) -> list[pb.EventType.ValueType]:
    if unknown := [each for each in names if each not in CHOOSABLE]:
        message = f"`events` has the unknown type {unknown[0][:60]!r}. Use {', '.join(CHOOSABLE)}."
        raise Rejected(errors.INVALID, message)
    return [TYPES[each] for each in names]


def _state(status: str) -> pb.Endpoint.State.ValueType:
    if status not in STATES:
        raise Rejected(errors.INVALID, f"`status` must be one of {', '.join(STATES)}.")
    return STATES[status]


def _page(incoming: ApiRequest) -> dict[str, Any]:
    """Return the pagination parameters of a list that has no `before`; its ids are those of the service."""
    page = page_of({key: value for key, value in incoming.query.items() if key == "limit"})
    return {"page_size": page["page_size"], "after_id": incoming.query.get("after", "")}


def _event_of(incoming: ApiRequest) -> dict[str, Any]:
    return {"endpoint_id": incoming.id("webhook_id"), "event_id": incoming.path["event_id"]}


def _entry(endpoint: pb.Endpoint) -> WebhookEntry:
    return WebhookEntry(**_shown(endpoint))


def _shown(endpoint: pb.Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "endpoint": endpoint.url,
        "created_at": time_of(endpoint.create_time),
        "status": "enabled" if endpoint.state == pb.Endpoint.STATE_ENABLED else "disabled",
        "events": [OF_TYPE[each] for each in endpoint.event_types if each in OF_TYPE],
    }


def _event_entry(event: pb.EndpointEvent) -> WebhookEventEntry:
    return WebhookEventEntry(**_event_shown(event))


def _event_shown(event: pb.EndpointEvent) -> dict[str, Any]:
    retried = event.state == pb.EndpointEvent.STATE_PENDING and event.attempts
    return {
        "id": event.id,
        "type": OF_TYPE.get(event.type, ""),
        "created_at": time_of(event.create_time),
        "status": "attempting" if retried else OF_EVENT_STATE.get(event.state, "pending"),
    }


def _attempt(attempt: pb.Attempt) -> WebhookAttempt:
    problem = pb.Attempt.Problem.Name(attempt.problem).removeprefix("PROBLEM_").lower()
    return WebhookAttempt(
        id=attempt.id,
        http_status_code=attempt.status,
        response=attempt.answer,
        sent_at=time_of(attempt.attempt_time),
        problem=problem if attempt.problem else UNSET,
    )


_EVENT = "/webhooks/{webhook_id}/events/{event_id}"
ENDPOINTS = (
    Endpoint("POST", "/webhooks", create, WebhookSecret, body=CreateWebhook, headers=(IDEMPOTENCY_KEY,)),
    Endpoint("GET", "/webhooks", list_, models.Listing[WebhookEntry], query=QUERY),
    Endpoint("GET", "/webhooks/{webhook_id}", get, Webhook),
    Endpoint("PATCH", "/webhooks/{webhook_id}", update, WebhookReference, body=UpdateWebhook),
    Endpoint("DELETE", "/webhooks/{webhook_id}", delete, DeletedWebhook),
    Endpoint("POST", "/webhooks/{webhook_id}/signing-secret/rotate", rotate, WebhookSecret),
    Endpoint(
        "GET", "/webhooks/{webhook_id}/events", list_events, models.Listing[WebhookEventEntry],
        query=("limit", "after"),
    ),
    Endpoint("GET", _EVENT, get_event, WebhookEvent),
    Endpoint("POST", f"{_EVENT}/replay", replay, WebhookEventReference),
    Endpoint(
        "GET", f"{_EVENT}/attempts", list_attempts, models.Listing[WebhookAttempt], query=("limit", "after")
    ),
)  # fmt: skip
