"""The API at the root paths, in Resend's shapes: its endpoints put together.

https://resend.com/docs/api-reference/introduction is what callers expect; docs/resend.md says what differs.
"""

from itertools import groupby

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.console.api import absent, claims, domains, emails, keys, openapi, suppressions
from services.console.api.endpoints import METHODS, Door, Endpoint, failed
from services.console.api.limits import Limiter
from services.console.callers import Callers
from services.console.calls import Calls

ENDPOINTS: tuple[Endpoint, ...] = (
    *emails.ENDPOINTS,
    *claims.ENDPOINTS,
    *domains.ENDPOINTS,
    *keys.ENDPOINTS,
    *suppressions.ENDPOINTS,
)


def routes(calls: Calls, callers: Callers, *, requests_per_second: int) -> list[BaseRoute]:
    """Give the API's routes; the last answers whatever other path there is, so they come after all others."""
    door = Door(calls, callers, Limiter(requests_per_second))
    by_path = {path: tuple(same) for path, same in groupby(sorted(ENDPOINTS, key=_place), key=_path)}
    return [
        Route("/openapi.json", _openapi, methods=["GET"]),
        *absent.routes(),
        *(door.route(path, endpoints) for path, endpoints in by_path.items()),
        Route("/{rest:path}", absent.nothing_here, methods=METHODS),
    ]


def refusal(request: Request, error: Exception) -> Response:
    """Answer an error from outside the endpoints: a host, a size, an accident."""
    return failed(request, error)


async def _openapi(_: Request) -> Response:
    return Response(msgspec.json.encode(openapi.document(ENDPOINTS)), media_type="application/json")


def _path(endpoint: Endpoint) -> str:
    return endpoint.path


def _place(endpoint: Endpoint) -> tuple[bool, str]:
    """Order paths so that `/emails/batch` is met before `/emails/{email_id}`."""
    return "{" in endpoint.path, endpoint.path
