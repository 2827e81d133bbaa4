"""What Resend has and this API does not: each path with a sentence, so that callers learn why."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.console.api import errors
from services.console.api.endpoints import METHODS
from services.console.api.errors import Rejected

INBOUND = "Receiving email is not offered yet."
MARKETING = "Contacts and campaigns are not offered: Letterhead sends email of programs."
INBOXES = "Inboxes are not offered: Letterhead sends email of programs."
WEBHOOKS = "Webhooks are not offered yet. Events are on NATS; docs/events.md describes them."

# A path stands for all below it. Most specific first.
ABSENT: Mapping[str, str] = {
    "/emails/receiving": INBOUND,
    "/emails/metrics": "Metrics of email are not offered. The operator's Prometheus has them.",
    "/emails/{id}/share": "Sharing an email by a link is not offered.",
    "/emails/{id}/attachments": "Attachments are not kept to be read again.",
    "/webhooks": WEBHOOKS,
    "/templates": "Templates are not offered. Send `html` or `text`.",
    "/audiences": MARKETING,
    "/segments": MARKETING,
    "/contacts": MARKETING,
    "/contact-properties": MARKETING,
    "/topics": MARKETING,
    "/broadcasts": MARKETING,
    "/automations": MARKETING,
    "/events": MARKETING,
    "/inboxes": INBOXES,
    "/logs": "Logs of requests are not kept.",
    "/usage": "Usage is not counted here. The operator's Prometheus has it.",
    "/oauth/grants": "OAuth is not offered. Make API keys.",
}


def routes() -> list[BaseRoute]:
    """Give the routes that say what is not offered; they go before those that are."""
    return [
        Route(place, _saying(sentence), methods=METHODS)
        for path, sentence in ABSENT.items()
        for place in (path, f"{path}/{{rest:path}}")
    ]


async def nothing_here(request: Request) -> Response:
    """Answer any other path."""
    sentence = f"There is nothing at {request.url.path[:200]}. GET /openapi.json tells what there is."
    return errors.answer(Rejected(errors.NOT_FOUND, sentence))


def _saying(sentence: str) -> Callable[[Request], Awaitable[Response]]:
    async def absent(_: Request) -> Response:
        return errors.answer(Rejected(errors.NOT_FOUND, sentence))

    return absent
