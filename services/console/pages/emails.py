"""A tenant's emails: the list, and the page of one email with a timeline for each recipient."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import call
from letterhead.sender.v1.emails_pb2 import (
    Email,
    GetEmailRequest,
    ListEmailsRequest,
    Recipient,
    TimelineEntry,
)
from letterhead.webhooks.v1.feedback_pb2 import Feedback
from services.console import texts
from services.console.pages.templates import Templates, older, typed
from services.console.pages.visitor import key_of, paused
from services.console.stubs import Stubs

HERE = "/app/emails"
PAGE = 50
STATES = ("QUEUED", "SENT", "SUPPRESSED", "FAILED", "CANCELED", "EXPIRED", "HELD", "UNKNOWN")
FRAMES = (("short", 400), ("medium", 2000))  # largest HTML body in characters, per height of the frame
OPENED = 3  # timelines are expanded for up to this many recipients
# The body of an email is untrusted, so it must not run scripts, load anything, send forms or open links.
BODY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'self'; sandbox",
    "x-frame-options": "SAMEORIGIN",
    "x-dns-prefetch-control": "off",
    "referrer-policy": "no-referrer",
}
ERASED = "<!doctype html><title>Erased</title><p>The body was erased."


@dataclass(frozen=True, slots=True)
class Reader:
    """A recipient with its timeline."""

    recipient: Recipient
    history: Sequence[TimelineEntry]


class EmailsPages:
    """The list of emails, and the page of one email."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(HERE, self._list),
            Route(f"{HERE}/{{email_id:uuid}}", self._page),
            Route(f"{HERE}/{{email_id:uuid}}/body", self._body),
        ]

    async def _list(self, request: Request) -> Response:
        form = typed(request.query_params.items())
        grpc_request = ListEmailsRequest(
            page_size=PAGE, page_token=form.typed("after"), search=form.typed("search")
        )
        if form.typed("state") in STATES:
            grpc_request.states.append(Email.State.Value(f"STATE_{form.typed('state')}"))
        found = await call(self._stubs.sender.ListEmails, grpc_request, key=key_of(request))
        return self._templates.page(
            request, "emails.html", emails=found.emails, form=form, states=STATES,
            paused=await paused(self._stubs, request),
            **older(request, found.next_page_token),
        )  # fmt: skip

    async def _page(self, request: Request) -> Response:
        email = await self._email(request)
        return self._templates.page(
            request,
            "email.html",
            email=email,
            sender=getattr(email, "from"),
            readers=[Reader(each, _history(email, each)) for each in email.recipients],
            frame=_frame(email.html),
            others=texts.others(email),
            opened=len(email.recipients) <= OPENED,
            moving=texts.moving(email),
        )

    async def _body(self, request: Request) -> Response:
        """Return the HTML body as a separate document, for the frame."""
        email = await self._email(request)
        return HTMLResponse(email.html or ERASED, headers=BODY_HEADERS)

    async def _email(self, request: Request) -> Email:
        grpc_request = GetEmailRequest(email_id=str(request.path_params["email_id"]))
        return (await call(self._stubs.sender.GetEmail, grpc_request, key=key_of(request))).email


def _frame(html: str) -> str:
    """Return the CSS class for the frame's height, estimated because a sandboxed frame cannot be measured."""
    return next((size for size, most in FRAMES if len(html) <= most), "long")


def _history(email: Email, recipient: Recipient) -> Sequence[TimelineEntry]:
    """Return the timeline of one recipient, with feedback sorted after the SENT entry.

    Feedback carries the receivers' clocks, so it can be dated before our record that SES accepted the email.
    """
    address = recipient.address.address.lower()
    entries = [
        entry
        for entry in email.timeline
        if not entry.recipients or address in (each.lower() for each in entry.recipients)
    ]
    accepted = max((at for at, entry in enumerate(entries, 1) if entry.state == Email.STATE_SENT), default=0)
    return [*sorted(entries[:accepted], key=_is_feedback), *entries[accepted:]]


def _is_feedback(entry: TimelineEntry) -> bool:
    return not entry.state and entry.feedback != Feedback.KIND_SEND
