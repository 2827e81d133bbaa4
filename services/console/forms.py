"""Middleware that loads the session of a page request and checks the CSRF token of its forms."""

import re
from collections.abc import Callable
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from chassis.connections import mark_authenticated
from services.console.hardening import SAFE_METHODS, App, Message, Receive, Scope, Send, of_page
from services.console.session import Session, Sessions

FIELD = "csrf"
HEADER = "x-csrf-token"
MOST_FIELDS = 100
SIGN_IN = "/app/sign-in"  # starts a session, so it has no token yet; `hardening` checks the form's origin
OLD = "This page has expired. Reload it and try again."
_OF_LINK = re.compile(r"/d/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)")


class Forms:
    """Sets `request.state.session`, and rejects forms without the session's CSRF token."""

    def __init__(
        self, app: App, *, sessions: Sessions, reject: Callable[[Request, int, str], Response]
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._reject = reject

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on requests outside the pages, reads, and forms with a valid token. Reject all others."""
        if scope["type"] != "http" or not of_page(scope["path"]):
            return await self._app(scope, receive, send)
        session = self._session(scope)
        scope.setdefault("state", {})["session"] = session
        if session is not None:
            mark_authenticated(scope)
        if session is None or scope["method"] in SAFE_METHODS or scope["path"] == SIGN_IN:
            return await self._app(scope, receive, send)
        try:
            body = await Request(scope, receive).body()
            proven = session.proves(await _token(scope, body))
        except HTTPException as error:  # too large, too slow, or not a form
            return await self._reject(Request(scope), error.status_code, error.detail)(scope, receive, send)
        if not proven:
            return await self._reject(Request(scope), 403, OLD)(scope, receive, send)
        return await self._app(scope, _again(body, receive), send)

    def _session(self, scope: Scope) -> Session | None:
        of_link = _OF_LINK.match(scope["path"])
        domain_id = UUID(of_link[1]) if of_link else None
        if domain_id is None and not scope["path"].startswith("/app"):
            return None
        return self._sessions.find(HTTPConnection(scope), domain_id=domain_id)


async def _token(scope: Scope, body: bytes) -> str:
    """Return the CSRF token from the header or the form of a request; empty if it has none."""
    request = Request(scope, _again(body, _nothing))
    if given := request.headers.get(HEADER):
        return given
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        token = form.get(FIELD, "")
    return token if isinstance(token, str) else ""


def _again(body: bytes, then: Receive) -> Receive:
    """Return a receive function that replays a body that was already read, and then calls `then`."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return await then()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
