"""The OpenAPI document, the routes, the models and docs/resend.md agree about the API."""

import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import httpx
import pytest
from jsonschema import Draft202012Validator

from services.console.api import routes as api
from services.console.api import unsupported
from services.console.api.endpoints import METHODS, Endpoint
from tests.contract.sources import ROOT
from tests.integration.console.conftest import Known, a_console

PAGE = (ROOT / "docs/resend.md").read_text()
SOME_ID = "0198f0c0-0000-7000-8000-000000000000"


@pytest.fixture
async def document() -> dict[str, Any]:
    async with a_console() as client:
        answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    content: dict[str, Any] = answer.json()
    return content


def with_ids(path: str) -> str:
    """Return a path with an id for each of its parameters."""
    return re.sub(r"{\w+}", SOME_ID, path)


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, following its reference if it is one."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


async def test_each_path_serves_exactly_the_documented_methods(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    for path, operations in document["paths"].items():
        for method in METHODS:
            answer = await client.request(method, with_ids(path))
            wanted = 401 if method.lower() in operations else 405
            assert answer.status_code == wanted, f"{method} {path}"
            assert method == "HEAD" or answer.json()["statusCode"] == wanted


async def test_every_endpoint_is_documented(document: dict[str, Any]) -> None:
    documented = {
        f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations
    }
    operations = [each["operationId"] for path in document["paths"].values() for each in path.values()]

    assert documented == set(map(named, api.ENDPOINTS))
    assert len(set(operations)) == len(operations)


async def test_every_schema_is_valid_and_every_reference_resolves(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(document):
        part: Any = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part


@pytest.mark.parametrize("endpoint", api.ENDPOINTS, ids=named)
def test_a_handler_returns_the_model_of_its_endpoint(endpoint: Endpoint) -> None:
    assert get_type_hints(endpoint.handler)["return"] == endpoint.answer
    assert endpoint.summary.endswith(".")


async def test_a_missing_required_field_is_named(known: Known, document: dict[str, Any]) -> None:
    client = await known.with_key()

    for endpoint in api.ENDPOINTS:
        body = document["paths"][endpoint.path][endpoint.method.lower()].get("requestBody")
        schema = resolved(document, body["content"]["application/json"]["schema"]) if body else {}
        for missing in schema.get("required", ()):
            given = {
                name: ["x"] if schema["properties"][name].get("type") == "array" else "x"
                for name in schema["required"]
                if name != missing
            }
            answer = (await client.request(endpoint.method, with_ids(endpoint.path), json=given)).json()
            assert (answer["statusCode"], answer["name"]) == (422, "missing_required_field"), answer
            assert f"`{missing}`" in answer["message"]


async def test_a_malformed_id_is_rejected(known: Known, document: dict[str, Any]) -> None:
    client = await known.with_key()
    body = {"scheduled_at": "2030-01-01T00:00:00Z"}

    for endpoint in api.ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        for parameter in operation["parameters"]:
            is_id = parameter["schema"].get("format") == "uuid"
            assert is_id == (parameter["name"].endswith("_id") or parameter["name"] in ("after", "before"))
            if is_id and parameter["in"] == "path":
                path = endpoint.path.replace(f"{{{parameter['name']}}}", "0")
                answer = (await client.request(endpoint.method, path, json=body)).json()
                assert (answer["statusCode"], answer["name"]) == (422, "invalid_parameter"), answer


async def test_the_batch_size_limits_are_as_documented(known: Known, document: dict[str, Any]) -> None:
    client = await known.with_key()
    body = document["paths"]["/emails/batch"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]

    for count in (schema["minItems"] - 1, schema["maxItems"] + 1):
        answer = (await client.post("/emails/batch", json=[{}] * count)).json()
        assert answer["message"] == f"A batch must have 1 to 100 emails; this one has {count}."


@pytest.mark.parametrize("path", unsupported.UNSUPPORTED)
@pytest.mark.parametrize("below", ["", f"/{SOME_ID}", "/a/b/c"])
async def test_an_unsupported_path_returns_its_message(
    client: httpx.AsyncClient, path: str, below: str
) -> None:
    answer = await client.post(with_ids(path) + below, json={})

    assert answer.json() == {"statusCode": 404, "name": "not_found", "message": unsupported.UNSUPPORTED[path]}


@pytest.mark.parametrize("path", ["/nothing", "/mail", "/emails/x/y/z", "/%2e%2e/etc", "/é"])
async def test_any_other_path_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["name"]) == (404, "not_found")


async def test_the_path_of_the_first_sdks_only_sends(client: httpx.AsyncClient) -> None:
    answers = [await client.request(method, "/email") for method in ("POST", "GET")]

    # POST asks for a key, as POST /emails does.
    assert [each.status_code for each in answers] == [401, 405]


@pytest.mark.parametrize("endpoint", api.ENDPOINTS, ids=named)
def test_the_docs_list_every_endpoint(endpoint: Endpoint) -> None:
    assert f"`{named(endpoint)}`" in PAGE


@pytest.mark.parametrize("path", unsupported.UNSUPPORTED)
def test_the_docs_list_every_unsupported_path(path: str) -> None:
    assert f"`{path}`" in PAGE
