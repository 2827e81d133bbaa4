"""A test email from a ready domain, then the same as its reader's mail program shows it."""

from dataclasses import replace
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from letterhead.identity.v1.domains_pb2 import Domain, GetDomainRequest
from letterhead.sender.v1.emails_pb2 import Email, GetEmailRequest, SendTestEmailRequest
from services.console import words
from services.console.calls import Calls, Refused
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, typed
from services.console.pages.visitor import key_of

FIELDS = {"to": "to", "to[0].address": "to"}


class TestPages:
    """The form, and what became of what it sent; behind one of two doors, as the domain's page is."""

    def __init__(self, calls: Calls, templates: Templates, door: str) -> None:
        self._calls = calls
        self._templates = templates
        self._door = door

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        here = f"{self._door}/{{domain_id:uuid}}/test"
        return [
            Route(here, self._page),
            Route(here, self._send, methods=["POST"]),
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
            base=f"{self._door}/{domain.id}",
            ready=domain.state in words.SENDING,
            form=form,
        )

    async def _send(self, request: Request) -> Response:
        domain, form = await self._domain(request), typed((await request.form()).items())
        asked = SendTestEmailRequest(
            domain_id=domain.id, to=form.typed("to"), request_id=form.typed("request_id") or str(uuid4())
        )
        try:
            sent = await self._calls.ask(self._calls.sender.SendTestEmail, asked, key=key_of(request))
        except Refused as refused:
            again = replace(form, given={**form.given, "request_id": str(uuid4())})
            return self._form(request, domain, again.refused(refused, FIELDS), UNPROCESSABLE)
        return RedirectResponse(f"{self._door}/{domain.id}/test/{sent.email.id}", 303)

    async def _sent(self, request: Request) -> Response:
        domain, asked = (
            await self._domain(request),
            GetEmailRequest(email_id=str(request.path_params["email_id"])),
        )
        email = (await self._calls.ask(self._calls.sender.GetEmail, asked, key=key_of(request))).email
        return self._templates.page(
            request,
            "test_sent.html",
            domain=domain,
            base=f"{self._door}/{domain.id}",
            email=email,
            sender=getattr(email, "from"),
            own=email.sent_as != Email.SENT_AS_SHARED,
            mailed_by=f"{domain.mail_from_label}.{domain.name}",
            moving=words.moving(email),
        )

    async def _domain(self, request: Request) -> Domain:
        asked = GetDomainRequest(domain_id=str(request.path_params["domain_id"]))
        return (await self._calls.ask(self._calls.domains.GetDomain, asked, key=key_of(request))).domain
