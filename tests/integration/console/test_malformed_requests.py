"""Malformed requests to any route get a response below 500, with all security headers.

Requests are written byte by byte, because HTTP clients refuse to send most of them.
"""

import asyncio
import random
import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from starlette.responses import Response
from starlette.routing import Route

from chassis.access import generate_key
from services.console.api import unsupported
from services.console.application import application
from services.console.hardening import HEADERS
from services.console.live import Live
from services.console.session import Sessions
from services.console.stubs import open_stubs
from tests.figures import Figure
from tests.integration.console.conftest import Known, settings

# All unsupported paths have the same handler, so only the first one is tested.
NOT_OFFERED = {each for path in list(unsupported.UNSUPPORTED)[1:] for each in (path, f"{path}/{{rest:path}}")}
SEED = 20_260_101
SAMPLE, WHOLE, AT_ONCE = 600, 20_000, 64
DOMAIN = UUID("01970000-0000-7000-8000-000000000001")
# Expected while verifier and sender are down.
UNAVAILABLE = (503, 504)
FORM = b"application/x-www-form-urlencoded"

NASTY = (
    b"", b"0", b"-1", b"1e3", b"+1", b" 1", b"1" * 5000, b"00000000" + b"9" * 5000, b"0x10", b"\xd9\xa1",
    b"null", b"%00", b"%ff", b"%", b"%zz", b"%ED%A0%80", b"%C0%AF", b"a" * 3000, b"[", b"http://[",
    b"http://[::1", b"https://\xff", b"//", b"\\\\", b"'", b"=&=&", b"A" * 43, b"gAAAAA==",
)  # fmt: skip
QUERIES = ("limit", "after", "before", "state", "search", "name", "next", "origin", "asked")
HEADERS_SENT = ("origin", "referer", "cookie", "content-type", "accept", "x-request-id", "idempotency-key",
                "sec-fetch-site", "hx-request", "x-csrf-token", "x-forwarded-for", "x-batch-validation",
                "authorization", "expect", "range", "if-none-match")  # fmt: skip
BODIES = (
    b"", b"\0", b"{", b"[]", b"null", b'{"from":"\\ud800"}', b'{"email":"\\udfff"}', b"\xed\xa0\x80",
    b"key=%ED%A0%80", b"=&" * 2000, b"a" * 60_000, b"key=\xff&csrf=\xff", b"csrf=%00&name=%00",
)  # fmt: skip
TYPES = (FORM, b"multipart/form-data", b"multipart/form-data; boundary=\xff", b"text/plain", b"",
         b"a;" * 3000, b'multipart/form-data; boundary="' + b";" * 8000)  # fmt: skip
LENGTHS = (b"-1", b"+1", b"1e3", b"", b"0x1", b"1" * 30, b"1, 2", b"\xd9\xa1", b"99999999999999999999")


def paths() -> list[tuple[str, str]]:
    """Return each method of each route, with an id for each path parameter."""
    chosen = settings()

    async def found() -> list[tuple[str, str]]:
        async with open_stubs(chosen) as stubs:
            routes = application(chosen, stubs, Live(stubs)).routes
        return [
            (method, re.sub(r"{[^}]*}", str(DOMAIN), route.path))
            for route in routes
            if isinstance(route, Route) and route.path not in NOT_OFFERED
            for method in sorted((route.methods or set()) & {"GET", "POST", "PATCH", "DELETE"})
        ]

    return asyncio.run(found())


PATHS = paths()


class Wire:
    """Sends raw requests, each over a new connection."""

    def __init__(self, known: Known, key: str) -> None:
        self._url = known.client.base_url
        self._key = key.encode()
        self.sent = 0

    async def ask(
        self,
        method: str,
        target: bytes,
        headers: dict[bytes, bytes],
        body: bytes = b"",
        host: bytes | None = None,
    ) -> tuple[int, bytes]:
        """Send one request; return the status and the head of the response."""
        self.sent += 1
        reader, writer = await asyncio.open_connection(self._url.host, self._url.port)
        given = {
            b"host": self._url.netloc if host is None else host,
            b"authorization": b"Bearer " + self._key,
            b"cookie": self._cookies,
            b"content-length": b"%d" % len(body),
        } | headers
        lines = b"".join(b"%s: %s\r\n" % each for each in given.items())
        writer.write(
            b"%s %s HTTP/1.1\r\n%sconnection: close\r\n\r\n%s" % (method.encode(), target, lines, body)
        )
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), head.lower()

    @property
    def _cookies(self) -> bytes:
        response = Response()
        sessions = Sessions(settings().session_secret, secure=False)
        for domain_id in (None, DOMAIN):
            sessions.begin(response, self._key.decode(), domain_id=domain_id)
        cookies = (value.split(";")[0] for name, value in response.headers.items() if name == "set-cookie")
        return "; ".join(cookies).encode()


def requests(method: str, path: str) -> Iterator[tuple[bytes, dict[bytes, bytes], bytes]]:
    """Yield the target, headers and body of malformed requests to a route."""
    here = path.encode()
    for name in QUERIES:
        yield from ((b"%s?%s=%s" % (here, name.encode(), _query(value)), {}, b"") for value in NASTY)
    for name in HEADERS_SENT:
        yield from ((here, {name.encode(): value.strip()}, b"") for value in NASTY)
    yield from ((here, {b"content-length": value}, b"") for value in LENGTHS)
    for value in NASTY:
        yield here.replace(str(DOMAIN).encode(), _query(value) or b"%20"), {}, b""
    if method != "GET":
        for kind in TYPES:
            yield from ((here, {b"content-type": kind}, body) for body in BODIES)


def _query(value: bytes) -> bytes:
    """Return a value without spaces, which would end the target in a request line."""
    return value.replace(b" ", b"%20")


def problem(response: tuple[int, bytes]) -> str:
    """Return what is wrong with a response; empty if nothing is."""
    status, head = response
    missing = [name for name in HEADERS if f"\r\n{name}: ".encode() not in head]
    failed = status >= 500 and status not in UNAVAILABLE
    return f"{status}" * failed + f"lacks {', '.join(missing)}" * bool(missing)


@pytest.mark.timeout(900)
async def test_a_malformed_request_never_causes_an_internal_error(
    known: Known, figure: Figure, request: pytest.FixtureRequest
) -> None:
    wires = [Wire(known, await known.a_key()) for _ in range(AT_ONCE)]
    count = WHOLE if request.config.getoption("--whole-attack", default=False) else SAMPLE
    table = [(method, *each) for method, path in PATHS for each in requests(method, path)]
    every = random.Random(SEED).sample(table, count)  # noqa: S311 - not a secret
    problems: dict[str, str] = {}

    async def ask(number: int) -> None:
        for method, target, headers, body in every[number :: len(wires)]:
            if found := problem(await wires[number].ask(method, target, headers, body)):
                problems[f"{method} {target[:80]!r} {str(headers)[:80]} {body[:40]!r}"] = found

    await asyncio.gather(*map(ask, range(len(wires))))

    figure(
        f"{len(every):,} of {len(table):,} malformed requests to {len(PATHS)} routes, seed {SEED}:"
        f" {len(problems)} errors"
    )
    assert problems == {}


@pytest.mark.parametrize("host", [b"", b"[", b"\xff", b"a" * 5000, b"127.0.0.1:99999999", b"a:b:c", b"%00"])
async def test_a_malformed_host_never_causes_an_internal_error(known: Known, host: bytes) -> None:
    wire = Wire(known, generate_key()[0])

    for path in (b"/", b"/app/sign-in", b"/emails", b"/d/x"):
        status, head = await wire.ask("GET", path, {}, host=host)
        assert status in (400, 421), head
        assert problem((status, head)) == ""


@pytest.mark.parametrize("path", ["/app/sign-in", "/app/keys/new"])
async def test_a_form_with_another_content_type_is_rejected(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, json={"key": "x"})

    assert answer.status_code == 415
    assert "x-www-form-urlencoded" in answer.text


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("GET", b"/emails?limit=00000001" + b"0" * 5000, {}, 422),
        ("GET", b"/emails?limit=0000000000000001", {}, 422),
        ("POST", b"/app/sign-in", {b"origin": b"http://["}, 403),
        ("POST", b"/app/keys/new", {b"referer": b"http://[", b"cookie": b""}, 303),
        ("POST", b"/app/sign-in", {b"content-length": b"1" * 30}, 400),
        ("GET", b"/emails?after=%ED%A0%80", {}, 422),
        ("GET", b"/suppressions?origin=%ff", {}, 422),
    ],
)
async def test_requests_that_once_caused_internal_errors_are_rejected(
    known: Known, method: str, target: bytes, headers: dict[bytes, bytes], status: int
) -> None:
    response = await Wire(known, await known.a_key()).ask(method, target, headers)

    assert response[0] == status, response
    assert problem(response) == ""
