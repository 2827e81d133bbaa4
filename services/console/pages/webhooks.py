"""A tenant's webhook endpoints: the list, creating one, changing one."""

import asyncio
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, older, typed
from services.console.pages.visitor import key_of, visitor
from services.console.pages.webhook_form import FIELDS, choice_in, field_of, form_of, names_of
from services.console.sparklines import MOST, Sparkline, sparkline
from services.console.stubs import Stubs

HERE = "/app/webhooks"
PAGE = 20  # each one needs a call for its sparkline


class WebhooksPages:
    """The list of endpoints, and the form to create and change one."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(HERE, self._list),
            Route(f"{HERE}/new", self._new),
            Route(f"{HERE}/new", self._create, methods=["POST"]),
            Route(f"{HERE}/{{endpoint_id:uuid}}/edit", self._edit),
            Route(f"{HERE}/{{endpoint_id:uuid}}/edit", self._update, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        grpc_request = pb.ListEndpointsRequest(
            page_size=PAGE, page_token=request.query_params.get("after", "")
        )
        found = await call(self._stubs.webhooks.ListEndpoints, grpc_request, key=key_of(request))
        lines = await asyncio.gather(*(self._sparkline(request, each.id) for each in found.endpoints))
        return self._templates.page(
            request, "webhooks.html", webhooks=list(zip(found.endpoints, lines, strict=True)),
            **older(request, found.next_page_token),
        )  # fmt: skip

    async def _sparkline(self, request: Request, endpoint_id: str) -> Sparkline:
        grpc_request = pb.ListEventsRequest(endpoint_id=endpoint_id, page_size=MOST)
        found = await call(self._stubs.webhooks.ListEvents, grpc_request, key=key_of(request))
        return sparkline(found.events)

    async def _new(self, request: Request) -> Response:
        visitor(request)
        return self._form(request, Form())

    async def _create(self, request: Request) -> Response:
        choice = await choice_in(typed((await request.form()).items()), self._stubs, request)
        if choice.form.errors:
            return self._form(request, choice.form, UNPROCESSABLE)
        grpc_request = pb.CreateEndpointRequest(
            url=choice.form.typed("url"),
            event_types=choice.event_types,
            domain_ids=choice.domain_ids,
            request_id=choice.form.typed("request_id") or str(uuid4()),
        )
        try:
            created = await call(self._stubs.webhooks.CreateEndpoint, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return self._form(request, choice.form.with_failure(failure, FIELDS), UNPROCESSABLE)
        return RedirectResponse(f"{HERE}/{created.endpoint.id}?done=created", 303)

    async def _edit(self, request: Request) -> Response:
        grpc_request = pb.GetEndpointRequest(endpoint_id=str(request.path_params["endpoint_id"]))
        endpoint = (await call(self._stubs.webhooks.GetEndpoint, grpc_request, key=key_of(request))).endpoint
        names = await names_of(endpoint, self._stubs, request)
        return self._form(request, form_of(endpoint, names))

    async def _update(self, request: Request) -> Response:
        choice = await choice_in(typed((await request.form()).items()), self._stubs, request)
        if choice.form.errors:
            return self._form(request, choice.form, UNPROCESSABLE)
        endpoint_id = str(request.path_params["endpoint_id"])
        changed = pb.Endpoint(
            id=endpoint_id,
            url=choice.form.typed("url"),
            event_types=choice.event_types,
            domain_ids=choice.domain_ids,
        )
        grpc_request = pb.UpdateEndpointRequest(endpoint=changed)
        grpc_request.update_mask.paths.extend(("url", "event_types", "domain_ids"))
        try:
            await call(self._stubs.webhooks.UpdateEndpoint, grpc_request, key=key_of(request))
        except CallFailed as failure:
            if failure.reason == "ENDPOINT_NOT_FOUND":
                raise
            return self._form(request, choice.form.with_failure(failure, FIELDS), UNPROCESSABLE)
        return RedirectResponse(f"{HERE}/{endpoint_id}", 303)

    def _form(self, request: Request, form: Form, status: int = 200) -> Response:
        endpoint_id = request.path_params.get("endpoint_id")
        return self._templates.page(
            request, "webhook_form.html", status, form=form, endpoint_id=endpoint_id, field_of=field_of,
            request_id=str(uuid4()), back=f"{HERE}/{endpoint_id}" if endpoint_id else HERE,
        )  # fmt: skip
