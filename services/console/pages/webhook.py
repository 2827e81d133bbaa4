"""One webhook endpoint: its state and secret, the log of its events, and what can be done with it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import call
from chassis.protos import stamp_of
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.console.pages.templates import Templates, older, typed
from services.console.pages.visitor import key_of
from services.console.pages.webhook_form import names_of
from services.console.stubs import Stubs

HERE = "/app/webhooks/{endpoint_id:uuid}"
PAGE = 50
STATES = {name.removeprefix("STATE_"): state for name, state in pb.EndpointEvent.State.items() if state}
OUTAGE = "outage"
RETRIED = timedelta(hours=98)  # events of this age are still retried when deliveries stop
# The periods whose events can be posted again, besides an outage.
PERIODS = {
    "1h": ("in the last hour", timedelta(hours=1)),
    "24h": ("in the last 24 hours", timedelta(days=1)),
    "7d": ("in the last 7 days", timedelta(days=7)),
    "30d": ("in the last 30 days, all that are kept", timedelta(days=30)),
}
USUAL = "24h"
# What the page says after an action, by the value of its parameter `done`.
DONE = {
    "created": "The webhook was created. It receives the events that happen from now on.",
    "tested": "A test event is posted. It appears in the list of events within seconds.",
    "recovered": "The events that were not delivered are posted again. They are pending until then.",
    "rotated": "The secret was replaced.",
}


class WebhookPages:
    """The page of an endpoint, and the forms on it."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(HERE, self._page),
            Route(f"{HERE}/enable", self._enable, methods=["POST"]),
            Route(f"{HERE}/disable", self._disable, methods=["POST"]),
            Route(f"{HERE}/recover", self._recover, methods=["POST"]),
            Route(f"{HERE}/test", self._test, methods=["POST"]),
            Route(f"{HERE}/rotate", self._rotate, methods=["POST"]),
            Route(f"{HERE}/delete", self._leave),
            Route(f"{HERE}/delete", self._delete, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        endpoint, form = await self._endpoint(request), typed(request.query_params.items())
        grpc_request = pb.ListEventsRequest(
            endpoint_id=endpoint.id, page_size=PAGE, page_token=form.typed("after")
        )
        if form.typed("state") in STATES:
            grpc_request.states.append(STATES[form.typed("state")])
        found = await call(self._stubs.webhooks.ListEvents, grpc_request, key=key_of(request))
        done, links = form.typed("done"), older(request, found.next_page_token)
        return self._templates.page(
            request, "webhook.html", endpoint=endpoint, events=found.events, form=form, states=STATES,
            domains=await names_of(endpoint, self._stubs, request),
            done=DONE.get(done, ""), secret_open=done in ("created", "rotated"),
            moving=done in ("tested", "recovered") or _any_due(found.events),
            outage=_outage(endpoint), periods=PERIODS, usual=USUAL, request_id=str(uuid4()), **links,
        )  # fmt: skip

    async def _enable(self, request: Request) -> Response:
        await self._set_state(request, pb.Endpoint.STATE_ENABLED)
        return _back(request)

    async def _disable(self, request: Request) -> Response:
        await self._set_state(request, pb.Endpoint.STATE_DISABLED)
        return _back(request)

    async def _recover(self, request: Request) -> Response:
        """Post what was not delivered since a time; enable the endpoint first if it is disabled."""
        form, endpoint = typed((await request.form()).items()), await self._endpoint(request)
        grpc_request = pb.ReplaySinceRequest(
            endpoint_id=endpoint.id, since_time=stamp_of(_since(form.typed("since"), endpoint))
        )
        if endpoint.state == pb.Endpoint.STATE_DISABLED:
            await self._set_state(request, pb.Endpoint.STATE_ENABLED)
        await call(self._stubs.webhooks.ReplaySince, grpc_request, key=key_of(request))
        return _back(request, "recovered")

    async def _test(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        grpc_request = pb.SendTestRequest(
            endpoint_id=_id(request), request_id=form.typed("request_id") or str(uuid4())
        )
        await call(self._stubs.webhooks.SendTest, grpc_request, key=key_of(request))
        return _back(request, "tested")

    async def _rotate(self, request: Request) -> Response:
        grpc_request = pb.RotateSecretRequest(endpoint_id=_id(request))
        await call(self._stubs.webhooks.RotateSecret, grpc_request, key=key_of(request))
        return _back(request, "rotated")

    async def _leave(self, request: Request) -> Response:
        endpoint = await self._endpoint(request)
        return self._templates.page(request, "webhook_delete.html", endpoint=endpoint)

    async def _delete(self, request: Request) -> Response:
        grpc_request = pb.DeleteEndpointRequest(endpoint_id=_id(request))
        await call(self._stubs.webhooks.DeleteEndpoint, grpc_request, key=key_of(request))
        return RedirectResponse("/app/webhooks", 303)

    async def _endpoint(self, request: Request) -> pb.Endpoint:
        grpc_request = pb.GetEndpointRequest(endpoint_id=_id(request))
        return (await call(self._stubs.webhooks.GetEndpoint, grpc_request, key=key_of(request))).endpoint

    async def _set_state(self, request: Request, state: pb.Endpoint.State.ValueType) -> None:
        grpc_request = pb.UpdateEndpointRequest(endpoint=pb.Endpoint(id=_id(request), state=state))
        grpc_request.update_mask.paths.append("state")
        await call(self._stubs.webhooks.UpdateEndpoint, grpc_request, key=key_of(request))


def _id(request: Request) -> str:
    return str(request.path_params["endpoint_id"])


def _back(request: Request, done: str = "") -> Response:
    page = f"/app/webhooks/{_id(request)}"
    return RedirectResponse(f"{page}?done={done}" if done else page, 303)


def _outage(endpoint: pb.Endpoint) -> datetime | None:
    """Return when deliveries stopped: posts began to fail, or it was disabled. None: they did not."""
    began = (endpoint.failing_since_time, endpoint.disable_time)
    return min((each.ToDatetime(UTC) for each in began if each.seconds), default=None)


def _since(chosen: str, endpoint: pb.Endpoint) -> datetime:
    outage = _outage(endpoint)
    if chosen == OUTAGE and outage:
        return outage - RETRIED
    _, period = PERIODS.get(chosen, PERIODS[USUAL])
    return datetime.now(UTC) - period


def _any_due(events: Iterable[pb.EndpointEvent]) -> bool:
    """Return whether an event is about to be posted for the first time, so that the list should refresh."""
    return any(each.state == pb.EndpointEvent.STATE_PENDING and not each.attempts for each in events)
