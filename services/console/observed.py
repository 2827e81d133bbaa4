"""Metrics and logs of every request: route, status and latency. Never content."""

import re
import time

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders

from chassis.ids import uuid7
from chassis.telemetry import get_logger
from services.console.hardening import App, Message, Receive, Scope, Send

log = get_logger(__name__)
REQUESTS = Counter("letterhead_http_total", "HTTP requests", ["method", "route", "status"])
SECONDS = Histogram("letterhead_http_seconds", "Time to the first byte of the response", ["route"])
REQUEST_ID = "x-request-id"
_REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_QUIET = frozenset({"/healthz"})


class Observed:
    """The outermost middleware, so that rejected requests are counted too."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Assign the request id, pass the request on, and record the start of the response."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _REQUEST_ID_FORM.fullmatch(given) else str(uuid7())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        start = time.monotonic()

        async def respond(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
                _record(scope, message["status"], time.monotonic() - start)
            await send(message)

        return await self._app(scope, receive, respond)


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(route).observe(seconds)
    if route in _QUIET:
        return
    write = log.warning if status >= 500 else log.info
    milliseconds = round(seconds * 1000, 1)
    write(
        "HTTP request",
        action="http_served",
        method=method,
        route=route,
        status=status,
        milliseconds=milliseconds,
    )
