"""Links to the page of one domain, for a tenant's customers: the list, creating one, revoking one."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.identity.v1.domains_pb2 import Domain, GetDomainRequest
from letterhead.identity.v1.links_pb2 import CreateLinkRequest, ListLinksRequest, RevokeLinkRequest
from services.console.links import link_url
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, older, typed
from services.console.pages.visitor import key_of
from services.console.stubs import Stubs

PAGE = 50
DAYS = (1, 7, 30, 90)
USUAL_DAYS = 7
FIELDS = {"name": "name", "expire_time": "days"}


class LinksPages:
    """The list of a domain's links, and the forms to create and revoke one."""

    def __init__(self, stubs: Stubs, templates: Templates, public_url: str) -> None:
        self._stubs = stubs
        self._templates = templates
        self._public_url = public_url

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        here = "/app/domains/{domain_id:uuid}/links"
        return [
            Route(here, self._page),
            Route(here, self._create, methods=["POST"]),
            Route(f"{here}/{{link_id:uuid}}/revoke", self._revoke, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        return await self._list(request, Form())

    async def _list(self, request: Request, form: Form, status: int = 200, created: str = "") -> Response:
        domain = await self._domain(request)
        grpc_request = ListLinksRequest(
            domain_id=domain.id, page_size=PAGE, page_token=request.query_params.get("after", "")
        )
        found = await call(self._stubs.links.ListLinks, grpc_request, key=key_of(request))
        return self._templates.page(
            request, "links.html", status, domain=domain, links=found.links, form=form, created=created,
            days=DAYS, usual=USUAL_DAYS, request_id=str(uuid4()), **older(request, found.next_page_token),
        )  # fmt: skip

    async def _create(self, request: Request) -> Response:
        """Create a link and show its URL in the response, because its token is not stored."""
        form = typed((await request.form()).items())
        days = int(form.typed("days")) if form.typed("days") in map(str, DAYS) else USUAL_DAYS
        ends = Timestamp()
        ends.FromDatetime(datetime.now(UTC) + timedelta(days=days))
        grpc_request = CreateLinkRequest(
            domain_id=str(request.path_params["domain_id"]),
            name=form.typed("name"),
            expire_time=ends,
            request_id=form.typed("request_id") or str(uuid4()),
        )
        try:
            created = await call(self._stubs.links.CreateLink, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return await self._list(request, form.with_failure(failure, FIELDS), UNPROCESSABLE)
        return await self._list(request, Form(), created=link_url(self._public_url, created.token))

    async def _revoke(self, request: Request) -> Response:
        grpc_request = RevokeLinkRequest(link_id=str(request.path_params["link_id"]))
        await call(self._stubs.links.RevokeLink, grpc_request, key=key_of(request))
        return RedirectResponse(f"/app/domains/{request.path_params['domain_id']}/links", 303)

    async def _domain(self, request: Request) -> Domain:
        grpc_request = GetDomainRequest(domain_id=str(request.path_params["domain_id"]))
        return (await call(self._stubs.domains.GetDomain, grpc_request, key=key_of(request))).domain
