"""Endpoints of Resend's API that this API does not support, each with a message that says why."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.console.api import errors
from services.console.api.endpoints import METHODS
from services.console.api.errors import Rejected

INBOUND = "Receiving email is not supported yet."
MARKETING = "Contacts and campaigns are not supported. Letterhead sends transactional email only."
INBOXES = "Inboxes are not supported. Letterhead sends transactional email only."

# Each path includes all paths below it. Most specific first.
UNSUPPORTED: Mapping[str, str] = {
    "/emails/receiving": INBOUND,
    "/emails/metrics": "Email metrics are not available here. The operator's Prometheus has them.",
    "/emails/{id}/share": "Sharing an email by link is not supported.",
    "/emails/{id}/attachments": "Attachments cannot be retrieved after an email was accepted.",
    "/templates": "Templates are not supported. Send `html` or `text`.",
    "/audiences": MARKETING,
    "/segments": MARKETING,
    "/contacts": MARKETING,
    "/contact-properties": MARKETING,
    "/topics": MARKETING,
    "/broadcasts": MARKETING,
    "/automations": MARKETING,
    "/events": MARKETING,
    "/inboxes": INBOXES,
    "/logs": "Request logs are not available.",
    "/usage": "Usage is not available here. The operator's Prometheus has it.",
    "/oauth/grants": "OAuth is not supported. Create API keys instead.",
}


def routes() -> list[BaseRoute]:
    """Return the routes of unsupported paths; they must come before the routes of the endpoints."""
    return [
        Route(each, _not_supported(message), methods=METHODS)
        for path, message in UNSUPPORTED.items()
        for each in (path, f"{path}/{{rest:path}}")
    ]


async def not_found(request: Request) -> Response:
    """Respond to any other path."""
    message = f"There is no endpoint at {request.url.path[:200]}. GET /openapi.json lists all endpoints."
    return errors.answer(Rejected(errors.NOT_FOUND, message))


def _not_supported(message: str) -> Callable[[Request], Awaitable[Response]]:
    async def reject(_: Request) -> Response:
        return errors.answer(Rejected(errors.NOT_FOUND, message))

    return reject
