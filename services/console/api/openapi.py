"""The API's OpenAPI 3.1 document, made of the endpoints and the models that answer."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from services.console.api import models
from services.console.api.endpoints import Endpoint

REF = "#/components/schemas/{name}"

QUERY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "limit": ("How many to give.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
    "after": ("Only those older than the one of this id.", {"type": "string", "format": "uuid"}),
    "before": ("Only those newer than the one of this id.", {"type": "string", "format": "uuid"}),
    "origin": ("Only those of this origin.", {"enum": ["bounce", "complaint", "manual"]}),
}
HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Idempotency-Key": (
        "Makes a retry safe for 30 days: the same key and body get the same answer.",
        {"type": "string", "minLength": 1, "maxLength": 256},
    ),
    "x-batch-validation": (
        "What becomes of the good emails when some are not.",
        {"enum": ["strict", "permissive"], "default": "strict"},
    ),
}
_PARAMETER = re.compile(r"\{(\w+)\}")


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Describe the endpoints."""
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
            "summary": "Email as each customer's own domain, by the shapes of Resend's API.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "lh_…"}},
            "responses": {
                "Problem": {"description": "Refused.", "content": _json(schemas.of(models.Problem))}
            },
        },
    }


class _Schemas:
    """JSON schemas of models, by model."""

    def __init__(self, used: Iterable[Any]) -> None:
        self._types = [*used, models.Problem]
        self._schemas, self.components = msgspec.json.schema_components(self._types, ref_template=REF)

    def of(self, model: Any) -> Mapping[str, Any]:
        return self._schemas[self._types.index(model)]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    operation = {
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.path.split("/")[1]],
        "summary": endpoint.says,
        "parameters": list(_parameters(endpoint)),
        "responses": {
            "200": {"description": "Done.", "content": _json(schemas.of(endpoint.answer))},
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
    for place, names, known in (("query", endpoint.query, QUERY), ("header", endpoint.headers, HEADERS)):
        for name in names:
            says, schema = known[name]
            yield {"name": name, "in": place, "description": says, "schema": schema}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
