"""The application: API at the root, pages under /app and /d, static files under /static. Only wires parts."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from chassis.client import CallFailed
from chassis.memory import BodyMemory
from services.console.api import routes as api
from services.console.assets import Assets
from services.console.callers import Callers
from services.console.config import Config
from services.console.forms import Forms
from services.console.hardening import Hardening, of_page
from services.console.links import Links
from services.console.live import Live
from services.console.pages.routes import Pages
from services.console.request_metrics import RequestMetrics
from services.console.session import Sessions
from services.console.stubs import Stubs


def application(settings: Config, stubs: Stubs, live: Live) -> Starlette:
    """Create the application served at the public URL."""
    sessions, assets = Sessions(settings.session_secret, secure=settings.secure), Assets()
    callers, memory = Callers(stubs), BodyMemory(settings.body_memory)
    pages = Pages(settings, stubs, callers, sessions, assets, live=live)
    links = Links(stubs, callers, sessions, addresses_shared=settings.addresses_shared)

    def error_response(request: Request, error: Exception) -> Response:
        respond = pages.error_response if of_page(request.url.path) else api.error_response
        response = respond(request, error)
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        return response

    def reject(request: Request, status: int, sentence: str) -> Response:
        return error_response(request, HTTPException(status, sentence))

    return Starlette(
        routes=[
            Route("/", _home),
            Route("/healthz", _health),
            *assets.routes(),
            *pages.routes(),
            *links.routes(),  # after the pages: /d/{token} also matches /d/{domain_id}
            *api.routes(stubs, callers, memory, requests_per_second=settings.api_requests_per_second),
        ],
        middleware=[
            Middleware(RequestMetrics),
            Middleware(Hardening, public_url=settings.origin, reject=reject),
            Middleware(Forms, sessions=sessions, reject=reject),
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
