"""The application: API at the root, pages under /app and /d, static files under /static. Only wires parts."""

from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from services.console.api import routes as api
from services.console.assets import Assets
from services.console.callers import Callers
from services.console.calls import CallFailed, Calls
from services.console.forms import Forms
from services.console.hardening import Hardening, of_page
from services.console.links import Links
from services.console.observed import Observed
from services.console.pages.routes import Pages
from services.console.session import Sessions


@dataclass(frozen=True)
class Parts:
    """The parts that the application is built from."""

    calls: Calls
    sessions: Sessions
    assets: Assets
    links: Links
    pages: Pages
    callers: Callers


def application(parts: Parts, *, public_url: str, api_requests_per_second: int) -> Starlette:
    """Create the application served at `public_url`."""

    def error_response(request: Request, error: Exception) -> Response:
        response = (parts.pages.error_response if of_page(request.url.path) else api.error_response)(
            request, error
        )
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        return response

    def refuse(request: Request, status: int, sentence: str) -> Response:
        return error_response(request, HTTPException(status, sentence))

    own = [Route("/", _home), Route("/healthz", _health), *parts.assets.routes()]
    pages = [*parts.pages.routes(), *parts.links.routes()]  # order matters: /d/{domain_id} before /d/{token}
    return Starlette(
        routes=[
            *own,
            *pages,
            *api.routes(parts.calls, parts.callers, requests_per_second=api_requests_per_second),
        ],
        middleware=[
            Middleware(Observed),
            Middleware(Hardening, public_url=public_url, refuse=refuse),
            Middleware(Forms, sessions=parts.sessions, refuse=refuse),
        ],
        exception_handlers={
            HTTPException: error_response,
            CallFailed: error_response,
            Exception: error_response,
        },
    )


async def _home(_: Request) -> Response:
    return RedirectResponse("/app", 303)


async def _health(_: Request) -> Response:
    """Report that the process is up; the services that it calls have their own health checks."""
    return PlainTextResponse("ok")
