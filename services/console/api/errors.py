"""Errors in Resend's shapes: the status and name of each error of the services, and its message."""

import re
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import TypeAlias

import msgspec
from grpc import StatusCode
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chassis import field_reasons
from chassis.client import CallFailed
from chassis.errors import Violation
from chassis.reasons import REASONS, worded
from services.console import messages
from services.console.api import models

Kind: TypeAlias = tuple[int, str]

# Errors that this API finds itself. Those of the services are in the table of `chassis.reasons`.
INVALID: Kind = (422, "validation_error")
NOT_FOUND: Kind = (404, "not_found")
MISSING_FIELD: Kind = (422, "missing_required_field")
BAD_ID: Kind = (422, "invalid_parameter")
BAD_IDEMPOTENCY_KEY: Kind = (400, "invalid_idempotency_key")
MALFORMED: Kind = (400, "validation_error")
INTERNAL: Kind = (500, "internal_server_error")

# An error without a reason, or with one that this version does not know, is reported like this reason.
LIKE: Mapping[StatusCode, str] = {
    StatusCode.INVALID_ARGUMENT: "INVALID_FIELD",
    StatusCode.NOT_FOUND: "DOMAIN_NOT_FOUND",
    StatusCode.ALREADY_EXISTS: "DOMAIN_EXISTS",
    StatusCode.FAILED_PRECONDITION: "DOMAIN_NOT_READY",
    StatusCode.PERMISSION_DENIED: "SCOPE_TOO_SMALL",
    StatusCode.UNAUTHENTICATED: "KEY_INVALID",
    StatusCode.RESOURCE_EXHAUSTED: "RATE_EXCEEDED",
    StatusCode.ABORTED: "CONFLICT",
    StatusCode.UNAVAILABLE: "STORAGE_UNAVAILABLE",
    StatusCode.DEADLINE_EXCEEDED: "DEADLINE",
}
STATUSES: Mapping[int, str] = {
    404: "not_found",
    405: "method_not_allowed",
    429: "rate_limit_exceeded",
    500: INTERNAL[1],
}

# By error reason, where this API says something else than the pages. Placeholders are keys of the metadata.
OWN_WORDS: Mapping[str, str] = {
    "REQUEST_ID_REUSED": "This idempotency key was already used with a different body. Use a new key.",
    "MALFORMED_REQUEST": "The request is malformed.",
    "SCOPE_TOO_SMALL": "This API key is restricted to only send emails.",
    "DOMAIN_EXISTS": "{name} already exists. GET /domains/{domain_id} returns it and its records.",
    "DOMAIN_NOT_READY": "{domain} is {state}. Add the records that GET /domains/{{id}} returns.",
    "DOMAIN_DELETING": "{domain} is being deleted or is deleted. To use it, add it with POST /domains again.",
    "DOMAIN_CHANGED": "The domain was changed by another request. Send the request again.",
    "FROM_NOT_YOURS": "{domain} is not one of your domains. Add it with POST /domains first.",
    "SUPPRESSION_NOT_FOUND": "Suppression not found.",
    "CONFLICT": "The request conflicted with another one. Send it again.",
}
WORDS: Mapping[str, str] = {**messages.WORDS, **OWN_WORDS}
# By the reason of an invalid field. Each lacks its subject, the field.
OWN_FIELD_WORDS: Mapping[str, str] = {
    "ONLY_WITH_SCOPE": "is allowed only with permission `sending_access`; leave it out",
}
FIELD_WORDS: Mapping[str, str] = {**field_reasons.SENTENCES, **OWN_FIELD_WORDS}
# The names of proto fields in this API. Only the name is replaced, not the path around it.
FIELDS: Mapping[str, str] = {
    "send_time": "scheduled_at",
    "request_id": "Idempotency-Key",
    "file_name": "filename",
    "scope": "permission",
    "domain_ids": "domain_id",
    "mail_from_label": "custom_return_path",
    "address": "email",
}
# The kinds of errors of fields that have their own error name.
FIELD_KINDS: Mapping[str, Kind] = {
    "from": (422, "invalid_from_address"),
    "attachments": (422, "invalid_attachment"),
    "region": (422, "invalid_region"),
    "permission": (422, "invalid_access"),
    "Idempotency-Key": BAD_IDEMPOTENCY_KEY,
}
_OWNER = re.compile(r"(?:emails\[\d+\]\.)?([A-Za-z_-]+)")


class Rejected(Exception):
    """An error of the API, with its HTTP status and Resend's error name."""

    def __init__(self, kind: Kind, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.status, self.name = kind
        self.message = message
        self.retry_after = retry_after


def kind_of(reason: str) -> Kind:
    """Return how this API reports an error with this reason of the services."""
    reported = REASONS[reason]
    return reported.http_status, reported.http_name


def rejected(error: Exception) -> Rejected:
    """Convert any exception to an error of the API. An unexpected exception reveals no details."""
    if isinstance(error, Rejected):
        return error
    if isinstance(error, CallFailed):
        return _of_service(error)
    if isinstance(error, HTTPException):
        kind = (error.status_code, STATUSES.get(error.status_code, "validation_error"))
        return Rejected(kind, str(error.detail))
    return Rejected(INTERNAL, "Something went wrong on our side. Try again, or contact the operator.")


def answer(error: Exception) -> Response:
    """Return the response to an error, in Resend's shape."""
    rejection = rejected(error)
    problem = models.Problem(statusCode=rejection.status, name=rejection.name, message=rejection.message)
    response = Response(msgspec.json.encode(problem), rejection.status, media_type="application/json")
    if rejection.retry_after is not None:
        response.headers["retry-after"] = str(ceil(rejection.retry_after.total_seconds()))
    return response


def sentence_of(failure: CallFailed, *, item: str = "") -> str:
    """Return what this API says about a service's error; names fields relative to `item`, a path."""
    if failure.violations:
        return messages.sentence("; ".join(_problem(each, item) for each in failure.violations))
    return worded(WORDS, failure.reason, failure.metadata, failure.message)


def _of_service(failure: CallFailed) -> Rejected:
    kind = kind_of(failure.reason if failure.reason in REASONS else LIKE.get(failure.code, "INTERNAL"))
    if failure.reason == "INVALID_FIELD" and failure.violations:
        owner = _OWNER.match(_field(failure.violations[0].field))
        kind = FIELD_KINDS.get(owner[1], kind) if owner else kind
    return Rejected(kind, sentence_of(failure), retry_after=failure.retry_after)


def _problem(violation: Violation, item: str) -> str:
    """Return a field and what is wrong with it; a From may have the reason of an error, with its sentence."""
    field = f"`{_field(violation.field.removeprefix(item))}`"
    metadata = dict(violation.metadata)
    if violation.reason in REASONS:
        return f"{field}: {worded(WORDS, violation.reason, metadata, violation.description)}"
    if "other_field" in metadata:
        metadata["other_field"] = f"`{_field(metadata['other_field'])}`"
    return f"{field} {worded(FIELD_WORDS, violation.reason, metadata, violation.description)}"


def _field(path: str) -> str:
    """Return the API's name of a field: `from` for `from.address`, `headers.X-A` for `headers['X-A']`."""
    path = path.removeprefix("domain.")
    for quote in ("'", '"'):
        around, bracket, key = path.partition(f"[{quote}")
        if bracket and key.endswith(f"{quote}]"):
            return f"{around}.{key.removesuffix(f'{quote}]')}"
    owner, _, part = path.rpartition(".")
    if part in ("address", "name") and owner.endswith(("from", "]")):
        path = owner
    around, dot, last = path.rpartition(".")
    name, bracket, index = last.partition("[")
    return f"{around}{dot}{FIELDS.get(name, name)}{bracket}{index}"
