"""The routes of all pages, a tenant's under /app and a customer's under /d, and their error page."""

from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed
from chassis.telemetry import get_logger
from services.console.assets import Assets
from services.console.callers import Callers
from services.console.config import Config
from services.console.hardening import split
from services.console.live import Live
from services.console.messages import sentence_of
from services.console.pages.domain import PREFIXES, DomainPages
from services.console.pages.domains import DomainsPages
from services.console.pages.emails import EmailsPages
from services.console.pages.keys import KeysPages
from services.console.pages.links import LinksPages
from services.console.pages.operator import OperatorPages
from services.console.pages.signin import SignInPages
from services.console.pages.suppressions import SuppressionsPages
from services.console.pages.templates import Templates
from services.console.pages.test_emails import TestPages
from services.console.pages.webhook import WebhookPages
from services.console.pages.webhook_events import WebhookEventPages
from services.console.pages.webhooks import WebhooksPages
from services.console.session import Sessions
from services.console.stubs import Stubs

log = get_logger(__name__)

STATUSES = {
    "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "INVALID_ARGUMENT": 400,
    "ALREADY_EXISTS": 409, "ABORTED": 409, "FAILED_PRECONDITION": 409, "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 503,
}  # fmt: skip
SENTENCES = {
    401: ("Your session has expired", "Sign in again to continue."),
    403: ("Access denied", "The key you signed in with does not allow this. Sign in with another key."),
    404: ("Page not found", "It may have been deleted, or the address may be wrong."),
    405: ("Page not found", "It may have been deleted, or the address may be wrong."),
    429: ("Too many requests", "Wait a moment, then try again."),
    500: ("Something went wrong on our side", "The error was logged. Try again in a moment."),
    503: ("Temporarily unavailable", "A Letterhead service is not responding. Try again in a moment."),
}
CATCH_ALL = ("/app/{path:path}", "/d/{domain_id}/{path:path}")  # after all pages; `/d/{token}` is a link
LINK_ENDED = (
    "This link no longer works",
    "Open the link again from the message you received, or ask the person who sent it for a new one.",
)


class Part(Protocol):
    """A group of pages."""

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the pages."""


class Pages:
    """All pages and what they share: templates, sessions and live updates."""

    def __init__(
        self,
        settings: Config,
        stubs: Stubs,
        callers: Callers,
        sessions: Sessions,
        assets: Assets,
        *,
        live: Live,
    ) -> None:
        shared = settings.addresses_shared
        self._sessions = sessions
        self._templates = Templates(assets)
        self._parts: tuple[Part, ...] = (
            SignInPages(stubs, callers, sessions, self._templates, addresses_shared=shared),
            DomainsPages(stubs, self._templates),
            LinksPages(stubs, self._templates, settings.origin),
            EmailsPages(stubs, self._templates),
            SuppressionsPages(stubs, self._templates),
            WebhooksPages(stubs, self._templates),
            WebhookPages(stubs, self._templates),
            WebhookEventPages(stubs, self._templates),
            KeysPages(stubs, self._templates),
            OperatorPages(stubs, self._templates),
            *(DomainPages(stubs, live, self._templates, prefix) for prefix in PREFIXES),
            *(TestPages(stubs, self._templates, prefix) for prefix in PREFIXES),
        )

    def routes(self) -> list[BaseRoute]:
        """Return the routes of all pages."""
        catch_all = [Route(path, _not_found, methods=["GET", "POST"]) for path in CATCH_ALL]
        return [*(route for part in self._parts for route in part.routes()), *catch_all]

    def error_response(self, request: Request, error: Exception) -> Response:
        """Return the page of an error: a CallFailed, an HTTPException, or an unexpected exception."""
        status, message = _describe(error)
        if status == 401 and request.headers.get("hx-request"):
            return Response(status_code=401)  # htmx keeps the content of the live page
        if status == 401 and not request.url.path.startswith("/d/"):
            return self._sign_in(request)
        if not hasattr(request.state, "session"):
            request.state.session = None
        title, default = _title(request, status)
        return self._templates.page(
            request,
            "error.html",
            status,
            title=title,
            sentence=message or default,
            next_page=_next_page(request),
        )

    def _sign_in(self, request: Request) -> Response:
        if request.method == "GET":
            response = RedirectResponse(f"/app/sign-in?next={quote(request.url.path)}", 303)
        else:
            sent_from = split(request.headers.get("referer", "")).path
            response = RedirectResponse(f"/app/sign-in?ended=yes&next={quote(sent_from)}", 303)
        self._sessions.end(response)
        return response


async def _not_found(_: Request) -> Response:
    """Respond with a 404 page below /app and /d; all other paths belong to the API."""
    raise HTTPException(404)


def _describe(error: Exception) -> tuple[int, str]:
    """Return the status of an error, and its message if that says more than the status."""
    if isinstance(error, CallFailed):
        status = STATUSES.get(error.code.name, 500)
        return status, sentence_of(error) if status in (400, 409) else ""
    if isinstance(error, HTTPException):
        has_message = error.detail != HTTPStatus(error.status_code).phrase
        return error.status_code, error.detail if has_message else ""
    log.error("unhandled exception in page", action="page_failed", exc_info=error)
    return 500, ""


def _title(request: Request, status: int) -> tuple[str, str]:
    if status in (401, 404) and request.url.path.startswith("/d/"):
        return LINK_ENDED
    return SENTENCES.get(status, ("The request failed", "Go back and try again."))


def _next_page(request: Request) -> tuple[str, str] | None:
    return None if request.url.path.startswith("/d/") else ("/app", "Go to domains")
