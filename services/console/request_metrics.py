"""Metrics, log and id of every request: route, status and latency. Never content."""

import time

import structlog
from starlette.datastructures import Headers, MutableHeaders

from chassis.ids import REQUEST_ID, request_id_of
from chassis.telemetry import get_logger
from services.console.hardening import App, Message, Receive, Scope, Send
from services.console.metrics import HTTP_REQUESTS, HTTP_SECONDS

log = get_logger(__name__)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_QUIET = frozenset({"/healthz"})


class RequestMetrics:
    """The outermost middleware, so that rejected requests are counted too."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Assign the request id, pass the request on, and record the start of the response."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = request_id_of(Headers(scope=scope).get(REQUEST_ID, ""))
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
    HTTP_REQUESTS.labels(method, route, status).inc()
    HTTP_SECONDS.labels(route).observe(seconds)
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
