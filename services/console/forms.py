"""Whose session a page is asked for with, and that a form sent with one is a form of ours."""

import re
from collections.abc import Callable
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from chassis.connections import vouch
from services.console.hardening import SAFE_METHODS, App, Message, Receive, Scope, Send, of_page
from services.console.session import Session, Sessions

FIELD = "csrf"
HEADER = "x-csrf-token"
MOST_FIELDS = 100
SIGN_IN = "/app/sign-in"  # begins a session; that the form is ours, the browser's own headers say
OLD = "This page has grown old. Load it again, then repeat what you did."
_OF_LINK = re.compile(r"/d/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)")


class Forms:
    """Sets `request.state.session`, and lets no form pass that lacks the session's token."""

    def __init__(
        self, app: App, *, sessions: Sessions, refuse: Callable[[Request, int, str], Response]
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is no page, or only read, or proven."""
        if scope["type"] != "http" or not of_page(scope["path"]):
            return await self._app(scope, receive, send)
        session = self._session(scope)
        scope.setdefault("state", {})["session"] = session
        if session is not None:
            vouch(scope)
        if session is None or scope["method"] in SAFE_METHODS or scope["path"] == SIGN_IN:
            return await self._app(scope, receive, send)
        try:
            body = await Request(scope, receive).body()
            proven = session.proves(await _token(scope, body))
        except HTTPException as error:  # too large, too slow, or no form
            return await self._refuse(Request(scope), error.status_code, error.detail)(scope, receive, send)
        if not proven:
            return await self._refuse(Request(scope), 403, OLD)(scope, receive, send)
        return await self._app(scope, _again(body, receive), send)

    def _session(self, scope: Scope) -> Session | None:
        of_link = _OF_LINK.match(scope["path"])
        domain_id = UUID(of_link[1]) if of_link else None
        if domain_id is None and not scope["path"].startswith("/app"):
            return None
        return self._sessions.find(HTTPConnection(scope), domain_id=domain_id)


async def _token(scope: Scope, body: bytes) -> str:
    """Read the token that a request carries, in its header or its form; empty: none."""
    request = Request(scope, _again(body, _nothing))
    if given := request.headers.get(HEADER):
        return given
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        token = form.get(FIELD, "")
    return token if isinstance(token, str) else ""


def _again(body: bytes, then: Receive) -> Receive:
    """Give a body that was read once more, and then what follows."""
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
