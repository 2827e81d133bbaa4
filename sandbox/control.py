"""The sandbox's control API; every error is a JSON object whose message says what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox import body
from sandbox.clock import Clock
from sandbox.dns.records import DnsError


@dataclass(frozen=True)
class _ClockBody:
    advance_seconds: float


def control_app(clock: Clock, parts: Sequence[BaseRoute]) -> Starlette:
    """Return the app: health, clock, an index of all calls, and the routes of `parts`."""

    async def health(_request: Request) -> JSONResponse:
        """Report that the sandbox is running."""
        return JSONResponse({"status": "ok"})

    async def show_clock(_request: Request) -> JSONResponse:
        """Return the sandbox's time."""
        return JSONResponse({"now": clock.now().isoformat()})

    async def advance_clock(request: Request) -> JSONResponse:
        """Advance the sandbox's time by `advance_seconds`."""
        change = await body.read(request, _ClockBody)
        return JSONResponse({"now": clock.advance(change.advance_seconds).isoformat()})

    async def index(_request: Request) -> HTMLResponse:
        """List every call."""
        return HTMLResponse(_index(routes))

    routes: list[BaseRoute] = [
        Route("/", index),
        Route("/healthz", health),
        Route("/clock", show_clock),
        Route("/clock", advance_clock, methods=["POST"]),
        *parts,
    ]
    handlers = {
        HTTPException: _unknown_call,
        DnsError: _refuse,
        body.Refused: _refuse,
        ValueError: _refuse,
        Exception: _internal_error,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


async def _refuse(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, body.Refused) else 400
    return JSONResponse({"error": str(error)}, status)


async def _unknown_call(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = f"There is no call {request.method} {request.url.path}. GET / lists every call."
    return JSONResponse({"error": message}, status)


async def _internal_error(_request: Request, error: Exception) -> Response:
    message = f"The sandbox failed to handle this call ({error!r}). See its log for the stack trace."
    return JSONResponse({"error": message}, 500)


def _index(routes: Sequence[BaseRoute]) -> str:
    rows = "".join(_row(route) for route in routes if isinstance(route, Route))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Letterhead's sandbox</title>"
        "<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}"
        "td{padding:.2rem 1rem .2rem 0;vertical-align:top}code{white-space:nowrap}</style>"
        "<h1>Letterhead's sandbox</h1><p>For demos and tests only. "
        f"<a href=/mailbox>The mailbox</a> is a web page; all other calls return JSON.<table>{rows}</table>"
    )


def _row(route: Route) -> str:
    methods = ", ".join(sorted((route.methods or set()) - {"HEAD"}))
    summary = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
    return f"<tr><td><code>{methods} {escape(route.path)}</code><td>{escape(summary)}"
