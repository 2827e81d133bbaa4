"""A small server with the part of Resend's API that `letterhead resend check` reads; it records requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "re_123"
PAGE = 2  # items, so that lists have several pages


@dataclass
class ResendServer:
    """The state of the server; `busy` is how many requests it answers with 429 first."""

    domains: list[dict[str, Any]]
    emails: list[dict[str, Any]]
    attachments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    busy: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path))
        if self.busy:
            self.busy -= 1
            return web.json_response(
                {"name": "rate_limit_exceeded"}, status=429, headers={"retry-after": "0"}
            )
        if request.headers.get("authorization") != f"Bearer {KEY}":
            problem = {"statusCode": 401, "name": "restricted_api_key", "message": "Only for sending."}
            return web.json_response(problem, status=401)
        kind, *rest = request.path.strip("/").split("/")
        items: list[dict[str, Any]] = getattr(self, kind)
        if not rest:
            return web.json_response(_page(items, request.query.get("after")))
        if rest[1:] == ["attachments"]:
            return web.json_response({"object": "list", "data": self.attachments.get(rest[0], [])})
        return web.json_response(next(each for each in items if each["id"] == rest[0]))


def _page(items: list[dict[str, Any]], after: str | None) -> dict[str, Any]:
    ids = [each["id"] for each in items]
    start = ids.index(after) + 1 if after else 0
    data = [{"id": each["id"]} for each in items[start : start + PAGE]]
    return {"object": "list", "has_more": start + PAGE < len(items), "data": data}


@asynccontextmanager
async def serving(server: ResendServer) -> AsyncIterator[ResendServer]:
    """Serve on a free port of this machine."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
