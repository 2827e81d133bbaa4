"""Checks that every request must pass before it is handled."""

import asyncio
import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from starlette.responses import Response
from starlette.routing import Route

from chassis.access import generate_key
from cli.server_process import HOST
from services.console.application import application
from services.console.assets import Assets
from services.console.config import Config
from services.console.live import Live
from services.console.metrics import HTTP_REQUESTS
from services.console.session import Sessions
from services.console.stubs import Stubs, open_stubs
from tests.integration.console.conftest import SECRET, a_console, settings

DOMAIN = UUID("01970000-0000-7000-8000-000000000001")
KEY = generate_key()[0]
EVERYWHERE = ("/app/sign-in", "/app/nothing", "/d/x", "/emails", "/nothing", "/healthz", "/static/x/y.css")


def signed_in(**more: object) -> dict[str, str]:
    """Return the cookies of a signed-in browser."""
    response = Response()
    Sessions(settings().session_secret, secure=False).begin(response, KEY, **more)  # type: ignore[arg-type]
    name, _, value = response.headers["set-cookie"].split(";")[0].partition("=")
    return {name: value}


def forms(chosen: Config, stubs: Stubs) -> Iterator[str]:
    """Yield the paths of all pages that accept a form."""
    for route in application(chosen, stubs, Live(stubs)).routes:
        if (
            isinstance(route, Route)
            and route.path.startswith(("/app", "/d/"))
            and "POST" in (route.methods or ())
        ):
            yield re.sub(r"{[^}]*}", str(DOMAIN), route.path)


@pytest.fixture
async def every_form() -> list[str]:
    chosen = settings()
    async with open_stubs(chosen) as stubs:
        found = sorted(set(forms(chosen, stubs)))
    assert len(found) > 3
    return found


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_response_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "strict-transport-security" not in headers


async def test_strict_transport_security_is_set_over_tls() -> None:
    async with a_console(public_url="https://letterhead.example.com") as client:
        answer = await client.get("/app/sign-in", headers={"host": "letterhead.example.com"})

    assert answer.status_code == 200
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize("host", ["evil.com", "", "127.0.0.1", "127.0.0.1:1", "evil.com:8080"])
async def test_requests_for_another_host_are_rejected(client: httpx.AsyncClient, host: str) -> None:
    for path in ("/app/sign-in", "/emails"):
        assert (await client.get(path, headers={"host": host})).status_code == 421
    assert (await client.get("/healthz", headers={"host": host})).status_code == 200


CROSS_SITE = (
    {"origin": "https://evil.com"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
)


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
async def test_forms_from_another_site_are_rejected(
    client: httpx.AsyncClient, every_form: list[str], headers: dict[str, str]
) -> None:
    client.cookies.update(signed_in())

    answers = [await client.post(path, data={"name": "x"}, headers=headers) for path in every_form]

    assert {answer.status_code for answer in answers} == {403}


@pytest.mark.parametrize("token", [None, "", "x", "csrf"])
async def test_forms_without_the_sessions_csrf_token_are_rejected(
    client: httpx.AsyncClient, every_form: list[str], token: str | None
) -> None:
    client.cookies.update(signed_in() | signed_in(domain_id=DOMAIN))
    data = {"name": "x"} | ({} if token is None else {"csrf": token})

    answers = {
        path: (await client.post(path, data=data, headers={"sec-fetch-site": "same-origin"})).status_code
        for path in every_form
        if path != "/app/sign-in"
    }

    assert set(answers.values()) == {403}, answers


async def test_visitors_without_a_session_are_redirected_to_sign_in(client: httpx.AsyncClient) -> None:
    for path in ("/app/domains", "/app/emails", "/app/keys", "/app/suppressions", f"/app/domains/{DOMAIN}"):
        answer = await client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/app/sign-in")


async def test_a_form_of_an_expired_session_leads_to_sign_in_with_a_notice(
    client: httpx.AsyncClient,
) -> None:
    sent_from = f"{client.base_url}/app/keys/new"

    answer = await client.post("/app/keys/new", data={"name": "x"}, headers={"referer": sent_from})
    page = await client.get(answer.headers["location"])

    assert answer.status_code == 303
    assert "the form you just sent was not saved" in page.text
    assert 'name="next" value="/app/keys/new"' in page.text


async def test_a_domain_page_requires_a_link(client: httpx.AsyncClient) -> None:
    client.cookies.update(signed_in())

    assert (await client.get(f"/d/{DOMAIN}")).status_code in (401, 404)


@pytest.mark.parametrize("path", ["/app/sign-in", f"/d/{DOMAIN}/verify"])
async def test_a_large_form_is_rejected(client: httpx.AsyncClient, path: str) -> None:
    client.cookies.update(signed_in(domain_id=DOMAIN))

    answer = await client.post(path, data={"key": "x" * 66_000})

    assert answer.status_code == 413


async def test_a_huge_content_length_is_rejected_before_the_body_arrives(client: httpx.AsyncClient) -> None:
    url = client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /app/sign-in HTTP/1.1\r\nhost: %s\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        b"content-length: 99999999999\r\n\r\n" % url.netloc
    )

    status = await asyncio.wait_for(reader.readline(), 10)
    writer.close()

    assert b" 413 " in status


async def test_a_body_is_not_read_before_its_key_was_verified(client: httpx.AsyncClient) -> None:
    """Prevent clients without a valid key from filling the memory. Here, identity is down."""
    url = client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /emails HTTP/1.1\r\nhost: %s\r\nauthorization: Bearer %s\r\ncontent-length: 70000\r\n\r\n"
        % (url.netloc, KEY.encode())
    )

    status = await asyncio.wait_for(reader.readline(), 30)
    writer.close()

    assert b" 503 " in status


async def test_a_static_file_is_cached_under_its_digest_and_served_under_any(
    client: httpx.AsyncClient,
) -> None:
    url = Assets().url("app.css")

    current, other = [await client.get(each) for each in (url, "/static/ffffffffffff/app.css")]

    assert "immutable" in current.headers["cache-control"]
    assert (other.text, other.headers["cache-control"]) == (current.text, "no-store")
    for path in ("/static/x/../../session.py", "/static/x/%2e%2e/session.py", "/static/x//etc/passwd"):
        assert (await client.get(path)).status_code == 404


async def test_guessing_links_is_rate_limited() -> None:
    async with a_console(trusted_proxies=(HOST,)) as client:
        answers = [await client.get(f"/d/lh_link_{number}") for number in range(21)]

    assert [each.status_code for each in answers] == [404] * 20 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 61


async def test_behind_an_untrusted_proxy_clients_cannot_lock_out_others(client: httpx.AsyncClient) -> None:
    keys, links = (
        [await client.post("/app/sign-in", data={"key": "lh_wrong"}) for _ in range(11)],
        [await client.get("/d/lh_link_wrong") for _ in range(21)],
    )
    others = (
        await client.post("/app/sign-in", data={"key": "lh_another"}),
        await client.get("/d/lh_link_other"),
    )

    assert [each.status_code for each in keys] == [422] * 10 + [429]
    assert [each.status_code for each in links] == [404] * 20 + [429]
    assert [each.status_code for each in others] == [422, 404]


@pytest.mark.parametrize("key", ["x", "ключ", "lh_\r\nx-evil: 1", "\x00", "lh_" + "a" * 60_000])
async def test_a_malformed_key_is_rejected_at_sign_in(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/app/sign-in", data={"key": key})

    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


async def test_guessing_keys_is_rate_limited() -> None:
    async with a_console(trusted_proxies=(HOST,)) as client:
        answers = [await client.post("/app/sign-in", data={"key": f"lh_{number}"}) for number in range(11)]

    assert [each.status_code for each in answers] == [422] * 10 + [429]


async def test_requests_are_counted_per_route(client: httpx.AsyncClient) -> None:
    given = await client.get(f"/d/{DOMAIN}", headers={"x-request-id": "mine-1"})
    made = await client.get("/app/sign-in", headers={"x-request-id": "no id"})

    assert given.headers["x-request-id"] == "mine-1"
    assert UUID(made.headers["x-request-id"]).version == 7
    counted = {
        sample.labels["route"]: sample.value
        for metric in HTTP_REQUESTS.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    assert counted["/app/sign-in"] >= 1
    assert any("{domain_id" in route for route in counted)
    assert str(DOMAIN) not in str(counted)


async def test_pages_report_that_services_are_down(client: httpx.AsyncClient) -> None:
    client.cookies.update(signed_in())

    answer = await client.get("/app/domains")

    assert answer.status_code == 503
    assert "try again" in answer.text.lower()
    assert "grpc" not in answer.text.lower()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://letterhead.example.com", "is not an https URL"),
        ("letterhead.example.com", "is not an https URL"),
        ("https://letterhead.example.com/console", "has more than a scheme, host and port"),
    ],
)
def test_an_invalid_public_url_is_rejected(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        settings(public_url=url)


def test_the_secret_is_not_in_the_repr_of_the_settings() -> None:
    assert SECRET not in repr(settings())
