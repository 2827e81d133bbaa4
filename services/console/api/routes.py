"""The routes of the API, at the root paths.

https://resend.com/docs/api-reference/introduction is the reference; docs/resend.md lists the differences.
"""

from itertools import groupby

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.memory import BodyMemory
from services.console.api import claims, domains, emails, keys, openapi, suppressions, unsupported, webhooks
from services.console.api.endpoints import METHODS, Endpoint, Gateway, failed
from services.console.api.limits import Limiter
from services.console.callers import Callers
from services.console.stubs import Stubs

ENDPOINTS: tuple[Endpoint, ...] = (
    *emails.ENDPOINTS,
    *claims.ENDPOINTS,
    *domains.ENDPOINTS,
    *keys.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *webhooks.ENDPOINTS,
)


def routes(
    stubs: Stubs, callers: Callers, memory: BodyMemory, *, requests_per_second: int
) -> list[BaseRoute]:
    """Return the API's routes. The last one matches every path, so they must come after all other routes."""
    gateway = Gateway(stubs, callers, Limiter(requests_per_second), memory)
    by_path = {path: tuple(same) for path, same in groupby(sorted(ENDPOINTS, key=_priority), key=_path)}
    return [
        Route("/openapi.json", _openapi, methods=["GET"]),
        *unsupported.routes(),
        *(gateway.route(path, endpoints) for path, endpoints in by_path.items()),
        # Resend's first SDKs post to it, and plugins still contain them.
        gateway.route("/email", tuple(each for each in by_path["/emails"] if each.method == "POST")),
        Route("/{rest:path}", unsupported.not_found, methods=METHODS),
    ]


def error_response(request: Request, error: Exception) -> Response:
    """Return the response to an error raised outside the endpoints, such as a wrong host."""
    return failed(request, error)


async def _openapi(_: Request) -> Response:
    return Response(msgspec.json.encode(openapi.document(ENDPOINTS)), media_type="application/json")


def _path(endpoint: Endpoint) -> str:
    return endpoint.path


def _priority(endpoint: Endpoint) -> tuple[bool, str]:
    """Return a sort key that puts `/emails/batch` before `/emails/{email_id}`."""
    return "{" in endpoint.path, endpoint.path
