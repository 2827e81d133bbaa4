"""One event of a webhook endpoint: its payload, the attempts to post it, and the form to post it again."""

import json

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import call
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.console.pages.templates import Templates, older
from services.console.pages.visitor import key_of
from services.console.stubs import Stubs

HERE = "/app/webhooks/{endpoint_id:uuid}/events/{event_id:str}"
PAGE = 50


class WebhookEventPages:
    """The page of an event."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route(HERE, self._page), Route(f"{HERE}/replay", self._replay, methods=["POST"])]

    async def _page(self, request: Request) -> Response:
        key, ids = key_of(request), _ids(request)
        hooks, after = self._stubs.webhooks, request.query_params.get("after", "")
        endpoint = (
            await call(hooks.GetEndpoint, pb.GetEndpointRequest(endpoint_id=ids["endpoint_id"]), key=key)
        ).endpoint
        event = (await call(hooks.GetEvent, pb.GetEventRequest(**ids), key=key)).event
        grpc_request = pb.ListAttemptsRequest(**ids, page_size=PAGE, page_token=after)
        found = await call(hooks.ListAttempts, grpc_request, key=key)
        return self._templates.page(
            request, "webhook_event.html", endpoint=endpoint, event=event, attempts=found.attempts,
            payload=_indented(event.payload), moving=event.state == pb.EndpointEvent.STATE_PENDING,
            **older(request, found.next_page_token),
        )  # fmt: skip

    async def _replay(self, request: Request) -> Response:
        ids = _ids(request)
        await call(self._stubs.webhooks.Replay, pb.ReplayRequest(**ids), key=key_of(request))
        return RedirectResponse(f"/app/webhooks/{ids['endpoint_id']}/events/{ids['event_id']}", 303)


def _ids(request: Request) -> dict[str, str]:
    return {name: str(request.path_params[name]) for name in ("endpoint_id", "event_id")}


def _indented(payload: str) -> str:
    """Return JSON over several lines; characters that would not be visible are escaped, as JSON allows."""
    text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)
