"""Test emails from a ready domain. An address outside the domain must first be confirmed with a code."""

from dataclasses import replace
from urllib.parse import urlencode
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.events.v1.sent_as_pb2 import SentAs
from letterhead.identity.v1.domains_pb2 import Domain, GetDomainRequest
from letterhead.sender.v1.emails_pb2 import GetEmailRequest, SendTestEmailRequest
from letterhead.sender.v1.test_addresses_pb2 import ConfirmTestAddressRequest, SendTestCodeRequest
from services.console import domain_status, texts
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, typed
from services.console.pages.visitor import key_of
from services.console.stubs import Stubs

FIELDS = {"to": "to", "to[0].address": "to", "address": "to", "code": "code"}
UNCONFIRMED = "TEST_ADDRESS_NOT_CONFIRMED"


class TestPages:
    """The test email form and its result, under one of the two path prefixes of a domain's page."""

    def __init__(self, stubs: Stubs, templates: Templates, prefix: str) -> None:
        self._stubs = stubs
        self._templates = templates
        self._prefix = prefix

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        here = f"{self._prefix}/{{domain_id:uuid}}/test"
        return [
            Route(here, self._page),
            Route(here, self._send, methods=["POST"]),
            Route(f"{here}/code", self._code),
            Route(f"{here}/code", self._confirm, methods=["POST"]),
            Route(f"{here}/{{email_id:uuid}}", self._sent),
        ]

    async def _page(self, request: Request) -> Response:
        return self._form(request, await self._domain(request), Form({"request_id": str(uuid4())}))

    def _form(self, request: Request, domain: Domain, form: Form, status: int = 200) -> Response:
        return self._templates.page(
            request,
            "test.html",
            status,
            domain=domain,
            name=domain.display_name or domain.name,
            base=f"{self._prefix}/{domain.id}",
            ready=domain.state in domain_status.SENDING,
            form=form,
        )

    async def _send(self, request: Request) -> Response:
        domain, form = await self._domain(request), typed((await request.form()).items())
        try:
            return await self._accepted(request, domain, form)
        except CallFailed as failure:
            if failure.reason != UNCONFIRMED:
                return self._form(
                    request, domain, _with_new_request_id(form).with_failure(failure, FIELDS), UNPROCESSABLE
                )
        return await self._send_code(request, domain, form)

    async def _accepted(self, request: Request, domain: Domain, form: Form) -> Response:
        """Send the email and redirect to its page. Raise CallFailed."""
        grpc_request = SendTestEmailRequest(
            domain_id=domain.id, to=form.typed("to"), request_id=form.typed("request_id") or str(uuid4())
        )
        sent = await call(self._stubs.sender.SendTestEmail, grpc_request, key=key_of(request))
        return RedirectResponse(f"{self._prefix}/{domain.id}/test/{sent.email.id}", 303)

    async def _send_code(self, request: Request, domain: Domain, form: Form) -> Response:
        """Send a code and redirect to the form that asks for it."""
        to, request_id = form.typed("to"), form.typed("request_id") or str(uuid4())
        grpc_request = SendTestCodeRequest(domain_id=domain.id, address=to, request_id=request_id)
        try:
            await call(self._stubs.test_addresses.SendTestCode, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return self._form(
                request, domain, _with_new_request_id(form).with_failure(failure, FIELDS), UNPROCESSABLE
            )
        return RedirectResponse(f"{self._prefix}/{domain.id}/test/code?{urlencode({'to': to})}", 303)

    async def _code(self, request: Request) -> Response:
        form = typed(request.query_params.items())
        return self._code_form(request, await self._domain(request), _with_new_request_id(form))

    def _code_form(self, request: Request, domain: Domain, form: Form, status: int = 200) -> Response:
        return self._templates.page(
            request,
            "test_code.html",
            status,
            name=domain.display_name or domain.name,
            base=f"{self._prefix}/{domain.id}",
            form=form,
            new_request_id=str(uuid4()),
        )

    async def _confirm(self, request: Request) -> Response:
        domain, form = await self._domain(request), typed((await request.form()).items())
        grpc_request = ConfirmTestAddressRequest(
            domain_id=domain.id, address=form.typed("to"), code=form.typed("code")
        )
        try:
            await call(self._stubs.test_addresses.ConfirmTestAddress, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return self._code_form(request, domain, form.with_failure(failure, FIELDS), UNPROCESSABLE)
        try:
            return await self._accepted(request, domain, form)
        except CallFailed as failure:
            return self._form(
                request, domain, _with_new_request_id(form).with_failure(failure, FIELDS), UNPROCESSABLE
            )

    async def _sent(self, request: Request) -> Response:
        domain, grpc_request = (
            await self._domain(request),
            GetEmailRequest(email_id=str(request.path_params["email_id"])),
        )
        email = (await call(self._stubs.sender.GetEmail, grpc_request, key=key_of(request))).email
        return self._templates.page(
            request,
            "test_sent.html",
            domain=domain,
            base=f"{self._prefix}/{domain.id}",
            email=email,
            sender=getattr(email, "from"),
            own=email.sent_as != SentAs.SENT_AS_SHARED,
            mailed_by=f"{domain.mail_from_label}.{domain.name}" if domain.state == Domain.STATE_READY else "",
            moving=texts.moving(email),
        )

    async def _domain(self, request: Request) -> Domain:
        grpc_request = GetDomainRequest(domain_id=str(request.path_params["domain_id"]))
        return (await call(self._stubs.domains.GetDomain, grpc_request, key=key_of(request))).domain


def _with_new_request_id(form: Form) -> Form:
    """Return the form with a new request id, so that a corrected submission is not a repeated request."""
    return replace(form, given={**form.given, "request_id": str(uuid4())})
