"""Requests for another tenant's resources, for every HTTP route of console."""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import httpx
from starlette.routing import BaseRoute, Route

from services.console.api.endpoints import METHODS
from services.console.api.routes import ENDPOINTS
from services.console.application import application
from services.console.live import Live
from services.console.stubs import open_stubs
from tests.e2e.apart.things import Things
from tests.factories import a_name
from tests.integration.console.conftest import settings

Body = Callable[[Things], Mapping[str, Any]]

ANY = "ANY"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def _nothing(_: Things) -> Mapping[str, Any]:
    return {}


def _email(t: Things) -> Mapping[str, Any]:
    return {"from": f"agent@{t.domain_name}", "to": "ada@example.com", "subject": "Hello", "text": "Hello"}


def _endpoint(_: Things) -> Mapping[str, Any]:
    return {"url": "https://hooks.example.net/", "type-email.sent": "on", "request_id": str(uuid4())}


def _with_request_id(**fields: str) -> Body:
    return lambda _: fields | {"request_id": str(uuid4())}


# The API: methods and paths, with the JSON body of each. `Things` provides the values of path parameters.
API: Mapping[str, Body] = {
    "POST /emails": _email,
    "GET /emails": _nothing,
    "POST /emails/batch": _email,  # a batch of one email, see `asks`
    "GET /emails/{email_id}": _nothing,
    "PATCH /emails/{email_id}": lambda _: {"scheduled_at": "2100-01-01T00:00:00Z"},
    "POST /emails/{email_id}/cancel": _nothing,
    "POST /domains": lambda _: {"name": a_name()},
    "GET /domains": _nothing,
    "GET /domains/{domain_id}": _nothing,
    "PATCH /domains/{domain_id}": lambda _: {"custom_return_path": "mine"},
    "DELETE /domains/{domain_id}": _nothing,
    "POST /domains/{domain_id}/verify": _nothing,
    "POST /domains/claim": lambda _: {"name": a_name()},
    "GET /domains/{domain_id}/claim": _nothing,
    "POST /domains/{domain_id}/claim/verify": _nothing,
    "POST /api-keys": lambda t: {
        "name": "Mine", "permission": "sending_access", "domain_id": t.domain_id
    },
    "GET /api-keys": _nothing,
    "PATCH /api-keys/{api_key_id}": lambda _: {"name": "Mine"},
    "DELETE /api-keys/{api_key_id}": _nothing,
    "POST /suppressions": lambda _: {"email": "eve@example.com"},
    "GET /suppressions": _nothing,
    "POST /suppressions/batch/add": lambda _: {"emails": ["eve@example.com"]},
    "POST /suppressions/batch/remove": lambda t: {"ids": [t.suppression_id]},
    "GET /suppressions/{suppression}": _nothing,
    "DELETE /suppressions/{suppression}": _nothing,
    "POST /webhooks": lambda _: {"endpoint": "https://hooks.example.net/", "events": ["email.sent"]},
    "GET /webhooks": _nothing,
    "GET /webhooks/{webhook_id}": _nothing,
    "PATCH /webhooks/{webhook_id}": lambda _: {"status": "disabled"},
    "DELETE /webhooks/{webhook_id}": _nothing,
    "POST /webhooks/{webhook_id}/signing-secret/rotate": _nothing,
    "GET /webhooks/{webhook_id}/events": _nothing,
    "GET /webhooks/{webhook_id}/events/{event_id}": _nothing,
    "POST /webhooks/{webhook_id}/events/{event_id}/replay": _nothing,
    "GET /webhooks/{webhook_id}/events/{event_id}/attempts": _nothing,
}  # fmt: skip
_PREFIXES = ("/app/domains", "/d")
# Pages and other routes that are called without an API key, with the form data of each.
PAGES: Mapping[str, Body] = {
    "GET /": _nothing,
    "GET /healthz": _nothing,
    "GET /static/{digest}/{name:path}": _nothing,
    "GET /openapi.json": _nothing,
    "GET /app": _nothing,
    "GET /app/sign-in": _nothing,
    "POST /app/sign-in": lambda _: {"key": "lh_nobodys"},
    "POST /app/sign-out": _nothing,
    "GET /app/domains": _nothing,
    "GET /app/domains/new": _nothing,
    "POST /app/domains/new": lambda _: {"name": a_name(), "request_id": str(uuid4())},
    "GET /app/domains/{domain_id:uuid}/delete": _nothing,
    "POST /app/domains/{domain_id:uuid}/delete": lambda t: {"name": t.domain_name},
    "GET /app/domains/{domain_id:uuid}/links": _nothing,
    "POST /app/domains/{domain_id:uuid}/links": _with_request_id(days="7"),
    "POST /app/domains/{domain_id:uuid}/links/{link_id:uuid}/revoke": _nothing,
    "GET /app/emails": _nothing,
    "GET /app/emails/{email_id:uuid}": _nothing,
    "GET /app/emails/{email_id:uuid}/body": _nothing,
    "GET /app/suppressions": _nothing,
    "POST /app/suppressions": lambda _: {"address": "eve@example.com"},
    "POST /app/suppressions/remove": lambda t: {"address": t.address},
    "GET /app/webhooks": _nothing,
    "GET /app/webhooks/new": _nothing,
    "POST /app/webhooks/new": _endpoint,
    "GET /app/webhooks/{endpoint_id:uuid}": _nothing,
    "GET /app/webhooks/{endpoint_id:uuid}/edit": _nothing,
    "POST /app/webhooks/{endpoint_id:uuid}/edit": _endpoint,
    "POST /app/webhooks/{endpoint_id:uuid}/enable": _nothing,
    "POST /app/webhooks/{endpoint_id:uuid}/disable": _nothing,
    "POST /app/webhooks/{endpoint_id:uuid}/recover": lambda _: {"since": "30d"},
    "POST /app/webhooks/{endpoint_id:uuid}/test": _with_request_id(),
    "POST /app/webhooks/{endpoint_id:uuid}/rotate": _nothing,
    "GET /app/webhooks/{endpoint_id:uuid}/delete": _nothing,
    "POST /app/webhooks/{endpoint_id:uuid}/delete": _nothing,
    "GET /app/webhooks/{endpoint_id:uuid}/events/{event_id:str}": _nothing,
    "POST /app/webhooks/{endpoint_id:uuid}/events/{event_id:str}/replay": _nothing,
    "GET /app/keys": _nothing,
    "GET /app/keys/new": _nothing,
    "POST /app/keys/new": _with_request_id(name="Mine", scope="sending"),
    "POST /app/keys/{key_id:uuid}/revoke": _nothing,
    "GET /app/operator": _nothing,
    "GET /app/operator/tenants/{tenant_id:uuid}": _nothing,
    "POST /app/operator/tenants/{tenant_id:uuid}/pause": lambda _: {"reason": "mine"},
    "POST /app/operator/tenants/{tenant_id:uuid}/resume": _nothing,
    **{
        f"{method} {prefix}/{{domain_id:uuid}}{rest}": body
        for prefix in _PREFIXES
        for method, rest, body in (
            ("GET", "", _nothing),
            ("GET", "/live", _nothing),
            ("POST", "/check", _nothing),
            ("GET", "/records.{kind}", _nothing),
            ("GET", "/test", _nothing),
            ("POST", "/test", _with_request_id(to="ada@example.com")),
            ("GET", "/test/{email_id:uuid}", _nothing),
            ("GET", "/test/code", _nothing),
            ("POST", "/test/code", _with_request_id(address="eve@example.com", code="123456")),
        )
    },
    "GET /d/{token:str}": _nothing,
    **{
        f"{method} {path}": _nothing
        for method in ("GET", "POST")
        for path in ("/app/{path:path}", "/d/{domain_id}/{path:path}")
    },
}


CASES = dict(API) | dict(PAGES)


@asynccontextmanager
async def routes_of_console() -> AsyncIterator[list[BaseRoute]]:
    """Yield the routes that the service registers, without running it."""
    chosen = settings()
    async with open_stubs(chosen) as stubs:
        yield list(application(chosen, stubs, Live(stubs)).routes)


def named(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Yield every method and path: endpoints of the API by method, routes that accept any method once."""
    endpoints = {endpoint.path for endpoint in ENDPOINTS}
    yield from (f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS)
    for route in routes:
        assert isinstance(route, Route), f"{route} is not a Route, so no case can cover it"
        methods = set(route.methods or ()) - {"HEAD"}
        if set(METHODS) <= methods | {"HEAD"}:
            if route.path not in endpoints:
                yield f"{ANY} {route.path}"
            continue
        yield from (f"{method} {route.path}" for method in methods)


def check_covered(names: Iterable[str]) -> None:
    """Fail for routes without a case and cases without a route; routes for any method serve no resource."""
    known = {name for name in names if not name.startswith(ANY)}
    assert not (untested := known - CASES.keys()), f"no case in tests/e2e/apart/routes.py: {untested}"
    assert not (obsolete := CASES.keys() - known), f"cases of routes that do not exist: {obsolete}"


def filled(path: str, things: Things) -> str:
    """Return a path with its parameters filled in."""
    names = asdict(things) | {
        "api_key_id": things.key_id, "suppression": things.suppression_id,
        "webhook_id": things.endpoint_id, "kind": "zone", "digest": "x",
        "name": "x", "path": "x", "token": "x",
    }  # fmt: skip
    return _PARAMETER.sub(lambda parameter: names[parameter[1]], path)


class Visitor:
    """An HTTP client of console: calls the API with a token, and pages with the session of that token."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token
        self._cookies = ""
        self._csrf = ""

    async def sign_in(self, *, domain_id: str = "") -> bool:
        """Sign in with the token, or open it as a link to a domain; return whether that worked."""
        if domain_id:
            answer = await self._client.get(f"/d/{self._token}")
            page = f"/d/{domain_id}"
        else:
            answer = await self._client.post("/app/sign-in", data={"key": self._token})
            page = "/app/domains/new"
        self._cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
        self._client.cookies.clear()
        shown = await self._client.get(page, headers={"cookie": self._cookies})
        self._csrf = found[1] if (found := _CSRF.search(shown.text)) else ""
        return bool(self._csrf)

    async def asks(self, name: str, things: Things) -> tuple[str, str, str]:
        """Make a case's request; return the request, the status, and the location and body of the answer."""
        method, path = name.split()
        filled_path, body = filled(path, things), dict(CASES[name](things))
        if name in API:
            json = [body] if path == "/emails/batch" else body
            request = {"json": json} if method != "GET" else {}
            headers = {"authorization": f"Bearer {self._token}"}
        else:
            request = {"data": body | {"csrf": self._csrf}} if method == "POST" else {}
            headers = {"cookie": self._cookies}
        answer = await self._client.request(method, filled_path, headers=headers, **request)  # type: ignore[arg-type]
        self._client.cookies.clear()
        content = answer.headers.get("location", "") + "\n" + answer.text
        return (
            f"{filled_path} {body}",
            str(answer.status_code),
            content.replace(self._csrf or "\0", "<csrf>"),
        )
