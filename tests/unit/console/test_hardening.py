import asyncio
from datetime import timedelta
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.console.hardening import Body, Tries, within


def a_request(client: str = "203.0.113.7") -> Request:
    return Request({"type": "http", "client": (client, 1), "headers": []})


@pytest.mark.parametrize("path", ["/app", "/app/domains", "/app/domains?page=2", "/d/1"])
def test_redirects_to_pages_are_allowed(path: str) -> None:
    assert within(path, otherwise="/") == path


@pytest.mark.parametrize(
    "path",
    [
        "", "https://evil.com", "//evil.com", "/\\evil.com", "\\\\evil.com", "/app\\..\\evil",
        "/app//evil.com", "javascript:alert(1)", "/app/x:y", "/apple", "/emails", "/", "app",
        "/app\r\nset-cookie: a=b",
        "/app\t//evil.com", "/app@evil.com", "/app/\u2028evil", "http:/app", "///app",
    ],
)  # fmt: skip
def test_redirects_to_other_sites_are_rejected(path: str) -> None:
    assert within(path, otherwise="/app") == "/app"


def test_a_client_with_failed_attempts_must_wait_and_others_need_not() -> None:
    tries = Tries(most=3, within=timedelta(minutes=1), addresses_shared=False)

    for _ in range(3):
        assert tries.wait(a_request(), "") is None
        tries.failed(a_request(), "")

    wait = tries.wait(a_request(), "")
    assert wait
    assert timedelta(seconds=50) < wait <= timedelta(minutes=1)
    assert tries.wait(a_request("203.0.113.8"), "") is None


def test_behind_a_shared_address_failures_are_counted_per_secret() -> None:
    tries = Tries(most=1, within=timedelta(minutes=1), addresses_shared=True)

    tries.failed(a_request(), "wrong")

    assert tries.wait(a_request(), "wrong")
    assert tries.wait(a_request(), "right") is None


def test_old_failures_expire() -> None:
    tries = Tries(most=1, within=timedelta(0), addresses_shared=False)

    tries.failed(a_request(), "")

    assert tries.wait(a_request(), "") is None


def test_the_number_of_clients_in_memory_is_bounded() -> None:
    tries = Tries(most=1, within=timedelta(minutes=1), addresses_shared=False, clients=2)

    for client in ("a", "b", "c"):
        tries.failed(a_request(client), "")

    assert [bool(tries.wait(a_request(each), "")) for each in ("a", "b", "c")] == [False, True, True]


def a_body(*pieces: bytes, largest: int = 10, headers: dict[str, str] | None = None) -> Body:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return Body(receive, Headers(headers or {}), largest)


async def read(body: Body) -> bytes:
    whole = b""
    while True:
        message = await body()
        whole += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return whole


async def test_a_body_within_its_limits_passes() -> None:
    body = a_body(b"12345", b"67890", headers={"content-length": "10"})

    assert await read(body) == b"1234567890"
    assert (await body())["type"] == "http.disconnect"


@pytest.mark.parametrize("declared", ["11", "-1", "x", "1e3", "²"])
async def test_a_body_with_a_too_large_content_length_is_not_read(declared: str) -> None:
    with pytest.raises(HTTPException) as refused:
        await read(a_body(b"", headers={"content-length": declared}))

    assert refused.value.status_code == 413


async def test_a_body_that_exceeds_its_content_length_is_rejected() -> None:
    with pytest.raises(HTTPException) as refused:
        await read(a_body(b"12345", b"678901"))

    assert refused.value.status_code == 413


async def test_a_body_that_arrives_too_slowly_times_out() -> None:
    async def never() -> dict[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    with pytest.raises(HTTPException) as refused:
        await read(Body(never, Headers({}), 10, timedelta(milliseconds=1)))

    assert refused.value.status_code == 408
