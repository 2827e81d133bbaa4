"""The API's OpenAPI 3.1 document, generated from the endpoints and their models."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from services.console.api import models
from services.console.api.endpoints import Endpoint

REF = "#/components/schemas/{name}"

QUERY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "limit": (
        "The maximum number of items to return.",
        {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    ),
    "after": ("Return only items older than the item with this id.", {"type": "string", "format": "uuid"}),
    "before": ("Return only items newer than the item with this id.", {"type": "string", "format": "uuid"}),
    "origin": ("Return only suppressions of this origin.", {"enum": ["bounce", "complaint", "manual"]}),
}
HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Idempotency-Key": (
        "Makes retries safe for 30 days: the same key and body get the same response.",
        {"type": "string", "minLength": 1, "maxLength": 256},
    ),
    "x-batch-validation": (
        "`strict`: an invalid email rejects the whole batch. `permissive`: valid emails are sent.",
        {"enum": ["strict", "permissive"], "default": "strict"},
    ),
}
_PARAMETER = re.compile(r"\{(\w+)\}")


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI document of the endpoints."""
    served = list(endpoints)
    schemas = _Schemas([model for each in served for model in (each.body, each.answer) if model is not None])
    paths: dict[str, dict[str, Any]] = {}
    for each in served:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Letterhead",
            "version": "1",
            "summary": "Sends email from each customer's own domain. Compatible with Resend's API.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "lh_…"}},
            "responses": {
                "Problem": {
                    "description": "The request failed.",
                    "content": _json(schemas.of(models.Problem)),
                }
            },
        },
    }


class _Schemas:
    """The JSON schemas of the models."""

    def __init__(self, used: Iterable[Any]) -> None:
        self._types = [*used, models.Problem]
        self._schemas, self.components = msgspec.json.schema_components(self._types, ref_template=REF)

    def of(self, model: Any) -> Mapping[str, Any]:
        return self._schemas[self._types.index(model)]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    operation = {
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.path.split("/")[1]],
        "summary": endpoint.summary,
        "parameters": list(_parameters(endpoint)),
        "responses": {
            "200": {"description": "The request succeeded.", "content": _json(schemas.of(endpoint.answer))},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(schemas.of(endpoint.body))}
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    module = endpoint.handler.__module__.rpartition(".api_")[2]
    return f"{module}.{endpoint.handler.__name__.strip('_')}"


def _parameters(endpoint: Endpoint) -> Iterable[dict[str, Any]]:
    for name in _PARAMETER.findall(endpoint.path):
        is_id = {"format": "uuid"} if name.endswith("_id") else {}
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"} | is_id}
    for location, names, known in (("query", endpoint.query, QUERY), ("header", endpoint.headers, HEADERS)):
        for name in names:
            description, schema = known[name]
            yield {"name": name, "in": location, "description": description, "schema": schema}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
