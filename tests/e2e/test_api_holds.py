"""Robustness of the API: it answers any input in its documented format and never with a 5xx."""

import base64
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from itertools import count, cycle
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from chassis.access import generate_key
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest
from services.console.api import routes as api
from tests.e2e.conftest import World
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

KEYS = 12  # used in turn, so that none exceeds its rate limit
MEGABYTE = 1_000_000
NOBODY = "0198f0c0-0000-7000-8000-000000000000"
EMAIL = {"from": "agent@mnexa.ai", "to": "reader@readers.com", "subject": "Hello", "text": "Good day."}

NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 2**64, 1e308, "", " ", "\0", "\r\nBcc: x@y.com", "\u202e", "é" * 300,
    "x" * 100_000, "a@b.c" * 30,
    [], [[]], [None], ["\0"], [{}], {}, {"a": {"b": []}}, {"": ""}, [0, 256], ["x"] * 1000,
)  # fmt: skip


class Stranger:
    """A client with keys of an empty tenant, which checks the format of every answer."""

    def __init__(self, client: httpx.AsyncClient, keys: Iterator[str], document: dict[str, Any]) -> None:
        self.client = client
        self._keys = keys
        self.document = document

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Make a request with one of the keys, unless `headers` has another authorization."""
        headers = {"authorization": f"Bearer {next(self._keys)}"} | more.pop("headers", {})
        answer = await self.client.request(method, path, headers=headers, **more)
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        if answer.status_code != 200:
            assert body.keys() == {"statusCode", "name", "message"}, body
            assert body["statusCode"] == answer.status_code
            assert body["message"]
        return answer


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(world: World) -> AsyncIterator[Stranger]:
    tenant = await world.admin.tenants.CreateTenant(CreateTenantRequest(name=f"holds-{uuid4().hex[:8]}"))
    request = CreateApiKeyRequest(tenant_id=tenant.tenant.id, name="holds", scope=scope_pb2.SCOPE_FULL_ACCESS)
    keys = [(await world.admin.api_keys.CreateApiKey(request)).token for _ in range(KEYS)]
    async with httpx.AsyncClient(base_url=world.installation.console, timeout=60) as client:
        yield Stranger(client, cycle(keys), (await client.get("/openapi.json")).json())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"7", b'"x"', b"\xff\xfe", b'{"from":"\xff"}', b'{"from":"\\ud800"}', b"{}{}",
        b"[" * MEGABYTE, b'{"x":' * MEGABYTE, b'{"from":"a","to":"b","subject":"c","x":' + b"[" * MEGABYTE,
        b'{"from":' + b"9" * MEGABYTE + b"}", b"\0" * MEGABYTE,
    ],
    ids=lambda content: repr(content[:20]),
)  # fmt: skip
async def test_every_endpoint_rejects_an_invalid_body(stranger: Stranger, content: bytes) -> None:
    for each in api.ENDPOINTS:
        if each.body is not None:
            path = _with_ids(each.path)
            answer = await stranger.ask(each.method, path, content=content)
            assert answer.status_code in (400, 404, 413, 422), f"{each.method} {each.path}"


async def test_no_value_of_any_field_causes_a_server_error(stranger: Stranger) -> None:
    requests = count()
    for each in api.ENDPOINTS:
        for body in _bodies(each, stranger.document):
            path = _with_ids(each.path)
            answer = await stranger.ask(each.method, path, json=body)
            assert answer.status_code < 500, f"{each.method} {each.path} {str(body)[:200]}: {answer.text}"
            next(requests)
    assert next(requests) > 500


def _with_ids(path: str) -> str:
    return re.sub(r"{\w+_id}", NOBODY, path)


def _bodies(endpoint: Any, document: dict[str, Any]) -> Iterator[Any]:
    """Yield bodies of an endpoint with one hostile value each, none of which would succeed."""
    described = document["paths"][endpoint.path][endpoint.method.lower()].get("requestBody")
    if described is None:
        return
    schema = described["content"]["application/json"]["schema"]
    is_list = schema.get("type") == "array"
    name = (schema["items"] if is_list else schema)["$ref"].rsplit("/", 1)[1]
    harmless = EMAIL | {"name": "*", "scheduled_at": "never", "email": "nobody", "ids": [NOBODY]}
    properties = document["components"]["schemas"][name]["properties"]
    for field in properties:
        for value in NASTY:
            body = {key: harmless[key] for key in properties if key in harmless} | {field: value}
            yield [body] if is_list else body


@pytest.mark.parametrize(
    "segment", ["%00", "%ff", "..%2f..", "x" * 5000, "%0d%0a", "é", "null", "' OR 1=1 --", "-1"]
)
async def test_no_path_causes_a_server_error(stranger: Stranger, segment: str) -> None:
    for each in api.ENDPOINTS:
        if "{" in each.path:
            path = f"{each.path.partition('{')[0]}{segment}{each.path.partition('}')[2]}"
            answer = await stranger.ask(each.method, path, json={})
            assert answer.status_code in (404, 405, 422), f"{each.method} {path}: {answer.text}"


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("authorization", "", 401),
        ("authorization", "Bearer", 401),
        ("authorization", "Basic bGg6eA==", 403),
        ("authorization", "Bearer lh_" + "x" * 50_000, 403),
        ("authorization", "Bearer \u00e9", 403),
        ("idempotency-key", "", 400),
        ("idempotency-key", "x" * 257, 400),
        ("idempotency-key", "a\u0080b", 400),
        ("x-batch-validation", "perhaps", 403),  # applies only to batches
        ("content-type", "multipart/form-data", 403),
    ],
    ids=lambda each: str(each)[:20],
)
async def test_no_header_causes_a_server_error(
    stranger: Stranger, name: str, value: str, status: int
) -> None:
    answer = await stranger.ask("POST", "/emails", headers={name: value.encode("latin-1")}, json=EMAIL)

    assert answer.status_code == status, answer.text


async def test_an_invalid_list_entry_is_named(stranger: Stranger) -> None:
    for path, field, entries in (
        ("add", "emails", ["a@readers.com", "nobody"]),
        ("remove", "emails", ["a@readers.com", "nobody"]),
        ("remove", "ids", [NOBODY, "none"]),
    ):
        answer = await stranger.ask("POST", f"/suppressions/batch/{path}", json={field: entries})
        assert answer.status_code == 422
        assert f"`{field}[1]`" in answer.json()["message"]


async def test_a_large_body_is_rejected_without_a_valid_key(stranger: Stranger) -> None:
    unknown, _, _ = generate_key()

    answer = await stranger.ask(
        "POST", "/emails", headers={"authorization": f"Bearer {unknown}"}, content=b"[" * 2 * MEGABYTE
    )

    assert (answer.status_code, answer.json()["name"]) == (403, "invalid_api_key")


@pytest.mark.parametrize(("megabytes", "status"), [(25, 403), (33, 422), (48, 413)])
async def test_an_email_is_rejected_above_the_size_limit(
    stranger: Stranger, figure: Figure, megabytes: int, status: int
) -> None:
    """An attachment of 25 MB is rejected only for its From; SES accepts 40 MB after encoding."""
    content = base64.b64encode(os.urandom(megabytes * MEGABYTE)).decode()
    body = json.dumps(EMAIL | {"attachments": [{"filename": "a.bin", "content": content}]})

    answer = await stranger.ask("POST", "/emails", content=body)

    assert answer.status_code == status, answer.text
    figure(f"an email of {len(body) / MEGABYTE:.0f} MB of JSON: {status} {answer.json()['name']}")
    assert (await stranger.ask("GET", "/emails")).status_code == 200


async def test_a_large_email_is_accepted(world: World, figure: Figure) -> None:
    headers = {"authorization": f"Bearer {world.installation.api_key}"}
    async with httpx.AsyncClient(base_url=world.installation.console, headers=headers, timeout=60) as client:
        name = (await client.post("/domains", json={"name": f"d{uuid4().hex[:10]}.com"})).json()["name"]
        content = base64.b64encode(os.urandom(25 * MEGABYTE)).decode()
        email = EMAIL | {"from": f"agent@{name}", "attachments": [{"filename": "a.bin", "content": content}]}

        answer = await client.post("/emails", json=email)

    assert answer.status_code == 200, answer.text
    figure(f"an email with a file of 25 MB accepted in {answer.elapsed.total_seconds():.1f} s")


async def test_answers_conform_to_the_openapi_document(world: World) -> None:
    headers = {"authorization": f"Bearer {world.installation.api_key}"}
    async with httpx.AsyncClient(base_url=world.installation.console, headers=headers, timeout=60) as client:
        document = (await client.get("/openapi.json")).json()

        async def checked(method: str, path: str, as_: str, **more: Any) -> Any:
            answer = await client.request(method, path, **more)
            assert answer.status_code == 200, answer.text
            described = document["paths"][as_][method.lower()]["responses"]["200"]["content"]
            schema = described["application/json"]["schema"] | {"components": document["components"]}
            Draft202012Validator(schema).validate(answer.json())
            return answer.json()

        name = f"d{uuid4().hex[:10]}.com"
        domain = await checked("POST", "/domains", "/domains", json={"name": name})
        for path, as_ in ((f"/domains/{domain['id']}", "/domains/{domain_id}"), ("/domains", "/domains")):
            await checked("GET", path, as_)
        email = EMAIL | {"from": f"agent@{name}", "tags": [{"name": "a", "value": "b"}]}
        sent = await checked("POST", "/emails", "/emails", json=email)
        await checked("GET", f"/emails/{sent['id']}", "/emails/{email_id}")
        await checked("GET", "/emails", "/emails")
        mixed = {"json": [email, {}], "headers": {"x-batch-validation": "permissive"}}
        await checked("POST", "/emails/batch", "/emails/batch", **mixed)
        added = await checked("POST", "/suppressions", "/suppressions", json={"email": f"a@{name}"})
        await checked("GET", f"/suppressions/{added['id']}", "/suppressions/{suppression}")
        await checked("GET", "/suppressions", "/suppressions")
        await checked("DELETE", f"/suppressions/{added['id']}", "/suppressions/{suppression}")
        await checked("GET", "/api-keys", "/api-keys")
        await checked("DELETE", f"/domains/{domain['id']}", "/domains/{domain_id}")
