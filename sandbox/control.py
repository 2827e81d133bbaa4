"""The sandbox's control API; every error is a JSON object with a sentence that says what to do."""

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
from sandbox.dns.records import DnsMistake


@dataclass(frozen=True)
class _ClockBody:
    advance_seconds: float


def control_app(clock: Clock, parts: Sequence[BaseRoute]) -> Starlette:
    """The app: health, clock, an index of everything, and the given parts' routes."""

    async def health(_request: Request) -> JSONResponse:
        """Says that the sandbox runs."""
        return JSONResponse({"status": "ok"})

    async def show_clock(_request: Request) -> JSONResponse:
        """The sandbox's time."""
        return JSONResponse({"now": clock.now().isoformat()})

    async def advance_clock(request: Request) -> JSONResponse:
        """Moves the sandbox's time ahead by `advance_seconds`."""
        wish = await body.read(request, _ClockBody)
        return JSONResponse({"now": clock.advance(wish.advance_seconds).isoformat()})

    async def index(_request: Request) -> HTMLResponse:
        """Lists every call."""
        return HTMLResponse(_index(routes))

    routes: list[BaseRoute] = [
        Route("/", index),
        Route("/healthz", health),
        Route("/clock", show_clock),
        Route("/clock", advance_clock, methods=["POST"]),
        *parts,
    ]
    handlers = {
        HTTPException: _no_such_call,
        DnsMistake: _refuse,
        body.Refused: _refuse,
        ValueError: _refuse,
        Exception: _broken,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


async def _refuse(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, body.Refused) else 400
    return JSONResponse({"error": str(error)}, status)


async def _no_such_call(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    sentence = f"There is no {request.method} {request.url.path}: GET / lists every call."
    return JSONResponse({"error": sentence}, status)


async def _broken(_request: Request, error: Exception) -> Response:
    sentence = f"The sandbox itself failed at this call ({error!r}): its log has the trace."
    return JSONResponse({"error": sentence}, 500)


def _index(routes: Sequence[BaseRoute]) -> str:
    rows = "".join(_row(route) for route in routes if isinstance(route, Route))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Letterhead's sandbox</title>"
        "<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}"
        "td{padding:.2rem 1rem .2rem 0;vertical-align:top}code{white-space:nowrap}</style>"
        "<h1>Letterhead's sandbox</h1><p>For demos and tests only. "
        f"<a href=/mailbox>The mailbox</a> is for people; the rest is JSON.<table>{rows}</table>"
    )


def _row(route: Route) -> str:
    methods = ", ".join(sorted((route.methods or set()) - {"HEAD"}))
    summary = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
    return f"<tr><td><code>{methods} {escape(route.path)}</code><td>{escape(summary)}"
