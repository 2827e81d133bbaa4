"""A tenant's domains: the list, adding one, deleting one."""

from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
)
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, older, typed
from services.console.pages.visitor import key_of, paused, visitor
from services.console.stubs import Stubs

HERE = "/app/domains"
PAGE = 50
STATES = ("PENDING", "READY", "DEGRADED", "LOST", "FAILED", "DELETING")
FIELDS = {"name": "name", "mail_from_label": "mail_from_label", "DOMAIN_EXISTS": "name"}
WRONG_NAME = "To delete this domain, type its name: {name}."


class DomainsPages:
    """The list of domains, and the forms to add and delete one."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(HERE, self._list),
            Route(f"{HERE}/new", self._new),
            Route(f"{HERE}/new", self._create, methods=["POST"]),
            Route(f"{HERE}/{{domain_id:uuid}}/delete", self._leave),
            Route(f"{HERE}/{{domain_id:uuid}}/delete", self._delete, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        form = typed(request.query_params.items())
        grpc_request = ListDomainsRequest(
            page_size=PAGE, page_token=form.typed("after"), search=form.typed("name")
        )
        if form.typed("state") in STATES:
            grpc_request.states.append(Domain.State.Value(f"STATE_{form.typed('state')}"))
        found = await call(self._stubs.domains.ListDomains, grpc_request, key=key_of(request))
        return self._templates.page(
            request,
            "domains.html",
            domains=found.domains,
            form=form,
            states=STATES,
            paused=await paused(self._stubs, request),
            **older(request, found.next_page_token),
        )

    async def _new(self, request: Request) -> Response:
        visitor(request)
        return self._form(request, Form())

    def _form(self, request: Request, form: Form, status: int = 200) -> Response:
        return self._templates.page(request, "domain_new.html", status, form=form, request_id=str(uuid4()))

    async def _create(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        grpc_request = CreateDomainRequest(
            name=form.typed("name"),
            mail_from_label=form.typed("mail_from_label"),
            request_id=form.typed("request_id") or str(uuid4()),
        )
        try:
            created = await call(self._stubs.domains.CreateDomain, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return self._form(request, form.with_failure(failure, FIELDS), UNPROCESSABLE)
        return RedirectResponse(f"{HERE}/{created.domain.id}", 303)

    async def _leave(self, request: Request) -> Response:
        return self._templates.page(
            request, "domain_delete.html", domain=await self._domain(request), form=Form()
        )

    async def _delete(self, request: Request) -> Response:
        domain, form = await self._domain(request), typed((await request.form()).items())
        name = domain.display_name or domain.name
        if form.typed("name").rstrip(".").lower() not in (domain.name, domain.display_name.lower()):
            wrong = Form(form.given, {"name": WRONG_NAME.format(name=name)})
            return self._templates.page(
                request, "domain_delete.html", UNPROCESSABLE, domain=domain, form=wrong
            )
        grpc_request = DeleteDomainRequest(domain_id=domain.id)
        await call(self._stubs.domains.DeleteDomain, grpc_request, key=key_of(request))
        return RedirectResponse(HERE, 303)

    async def _domain(self, request: Request) -> Domain:
        grpc_request = GetDomainRequest(domain_id=str(request.path_params["domain_id"]))
        return (await call(self._stubs.domains.GetDomain, grpc_request, key=key_of(request))).domain
