"""The operator's pages: the SES accounts and the tenants. They need an admin key."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.identity.v1.tenants_pb2 import (
    GetTenantRequest,
    ListTenantsRequest,
    PauseTenantRequest,
    ResumeTenantRequest,
    Tenant,
)
from letterhead.verifier.v1.verifier_pb2 import GetSesAccountRequest
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, older, typed
from services.console.pages.visitor import key_of
from services.console.stubs import Stubs

HERE = "/app/operator"
PAGE = 50
FIELDS = {"reason": "reason"}


class OperatorPages:
    """The overview of the installation, and the page of one tenant."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        tenant = f"{HERE}/tenants/{{tenant_id:uuid}}"
        return [
            Route(HERE, self._page),
            Route(tenant, self._tenant),
            Route(f"{tenant}/pause", self._pause, methods=["POST"]),
            Route(f"{tenant}/resume", self._resume, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        key = key_of(request)
        grpc_request = ListTenantsRequest(page_size=PAGE, page_token=request.query_params.get("after", ""))
        found = await call(self._stubs.tenants.ListTenants, grpc_request, key=key)
        accounts = await call(self._stubs.verifier.GetSesAccount, GetSesAccountRequest(), key=key)
        return self._templates.page(
            request, "operator.html", tenants=found.tenants, accounts=accounts.accounts,
            paused=Tenant.STATE_PAUSED, **older(request, found.next_page_token),
        )  # fmt: skip

    async def _tenant(self, request: Request) -> Response:
        return await self._one(request, Form())

    async def _one(self, request: Request, form: Form, status: int = 200) -> Response:
        grpc_request = GetTenantRequest(tenant_id=str(request.path_params["tenant_id"]))
        found = await call(self._stubs.tenants.GetTenant, grpc_request, key=key_of(request))
        paused = found.tenant.state == Tenant.STATE_PAUSED
        return self._templates.page(
            request, "tenant.html", status, tenant=found.tenant, paused=paused, form=form
        )

    async def _pause(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        grpc_request = PauseTenantRequest(
            tenant_id=str(request.path_params["tenant_id"]), reason=form.typed("reason")
        )
        try:
            await call(self._stubs.tenants.PauseTenant, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return await self._one(request, form.with_failure(failure, FIELDS), UNPROCESSABLE)
        return _back(request)

    async def _resume(self, request: Request) -> Response:
        grpc_request = ResumeTenantRequest(tenant_id=str(request.path_params["tenant_id"]))
        await call(self._stubs.tenants.ResumeTenant, grpc_request, key=key_of(request))
        return _back(request)


def _back(request: Request) -> Response:
    return RedirectResponse(f"{HERE}/tenants/{request.path_params['tenant_id']}", 303)
