"""Signing in with an API key, and signing out. The services authorize the key at each call."""

import math
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.identity.v1.domains_pb2 import ListDomainsRequest
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest, ListTenantsRequest
from services.console.callers import Callers
from services.console.hardening import Tries, within
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, typed
from services.console.session import Sessions
from services.console.stubs import Stubs

HOME = "/app/domains"
KEY_INVALID = (
    "This key is unknown, expired or revoked. Make sure that you copied all of it. Keys start with lh_."
)
SENDING_ONLY = "This key can only send email. Sign in with a key that has full access."
TRIES, TRIES_WITHIN = 10, timedelta(minutes=5)


class SignInPages:
    """The sign-in page of tenants and operators."""

    def __init__(
        self,
        stubs: Stubs,
        callers: Callers,
        sessions: Sessions,
        templates: Templates,
        *,
        addresses_shared: bool,
    ) -> None:
        self._stubs = stubs
        self._callers = callers
        self._sessions = sessions
        self._templates = templates
        self._tries = Tries(most=TRIES, within=TRIES_WITHIN, addresses_shared=addresses_shared)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/app", self._home),
            Route("/app/sign-in", self._page),
            Route("/app/sign-in", self._sign_in, methods=["POST"]),
            Route("/app/sign-out", self._sign_out, methods=["POST"]),
        ]

    async def _home(self, _: Request) -> Response:
        return RedirectResponse(HOME, 303)

    async def _page(self, request: Request) -> Response:
        request.state.session = None  # this page has no navigation, even when signed in
        return self._templates.page(request, "signin.html", form=typed(request.query_params.items()))

    async def _sign_in(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        key = form.typed("key")
        if wait := self._tries.wait(request, key):
            minutes = math.ceil(wait.total_seconds() / 60)
            return self._again(
                request, Form(problem=f"Too many attempts. Wait {minutes} min, then try again."), 429
            )
        try:
            return await self._start_session(form)
        except CallFailed as failure:
            if failure.code.name not in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
                raise
            self._tries.failed(request, key)
            wrong = KEY_INVALID if failure.code.name == "UNAUTHENTICATED" else SENDING_ONLY
            return self._again(request, Form(form.given, {"key": wrong}), UNPROCESSABLE)

    def _again(self, request: Request, form: Form, status: int) -> Response:
        request.state.session = None
        return self._templates.page(request, "signin.html", status, form=form)

    async def _start_session(self, form: Form) -> Response:
        key = form.typed("key")
        await self._callers.tenant_of(key)
        tenant = await call(self._stubs.tenants.GetTenant, GetTenantRequest(), key=key)
        await call(self._stubs.domains.ListDomains, ListDomainsRequest(page_size=1), key=key)
        response = RedirectResponse(within(form.typed("next"), otherwise=HOME), 303)
        self._sessions.begin(response, key, tenant=tenant.tenant.name, operator=await self._is_operator(key))
        return response

    async def _is_operator(self, key: str) -> bool:
        try:
            await call(self._stubs.tenants.ListTenants, ListTenantsRequest(page_size=1), key=key)
        except CallFailed:
            return False
        return True

    async def _sign_out(self, _: Request) -> Response:
        response = RedirectResponse("/app/sign-in", 303)
        self._sessions.end(response)
        return response
