"""Errors in Resend's shapes: the status and name of each error of the services, and its message."""

import re
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import TypeAlias

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console.api import models
from services.console.calls import CallFailed, Violation

Kind: TypeAlias = tuple[int, str]

INVALID: Kind = (422, "validation_error")
FORBIDDEN: Kind = (403, "validation_error")
NOT_FOUND: Kind = (404, "not_found")
MISSING_FIELD: Kind = (422, "missing_required_field")
BAD_ID: Kind = (422, "invalid_parameter")
BAD_KEY_OF_RETRY: Kind = (400, "invalid_idempotency_key")
MALFORMED: Kind = (400, "validation_error")
ACCIDENT: Kind = (500, "internal_server_error")

# By `letterhead.errors.v1.ErrorReason`. Names and statuses: https://resend.com/docs/api-reference/errors
REASONS: Mapping[str, Kind] = {
    "INVALID_FIELD": INVALID,
    "REQUEST_TOO_LARGE": INVALID,
    "INVALID_PAGE_TOKEN": INVALID,
    "REQUEST_ID_REUSED": (409, "invalid_idempotent_request"),
    "KEY_MISSING": (401, "missing_api_key"),
    "KEY_INVALID": (403, "invalid_api_key"),
    "SCOPE_TOO_SMALL": (401, "restricted_api_key"),
    "KEY_NOT_FOR_DOMAIN": (401, "restricted_api_key"),
    "TENANT_PAUSED": FORBIDDEN,
    "TENANT_NOT_FOUND": NOT_FOUND,
    "KEY_NOT_FOUND": NOT_FOUND,
    "DOMAIN_NOT_FOUND": NOT_FOUND,
    "EMAIL_NOT_FOUND": NOT_FOUND,
    "SUPPRESSION_NOT_FOUND": NOT_FOUND,
    "TOO_MANY_KEYS": FORBIDDEN,
    "TOO_MANY_DOMAINS": FORBIDDEN,
    "TOO_MANY_PENDING_DOMAINS": FORBIDDEN,
    "DOMAIN_EXISTS": FORBIDDEN,
    "DOMAIN_NOT_READY": FORBIDDEN,
    "DOMAIN_DELETING": FORBIDDEN,
    "DOMAIN_SUPERSEDED": FORBIDDEN,
    "DOMAIN_NOT_CHALLENGED": FORBIDDEN,
    "FROM_NOT_YOURS": FORBIDDEN,
    "EMAIL_STATE": INVALID,
    "RATE_EXCEEDED": (429, "rate_limit_exceeded"),
    "STORAGE_UNAVAILABLE": (503, "application_error"),
    "SES_UNAVAILABLE": (503, "application_error"),
    "DEADLINE": (504, "application_error"),
    "NOT_OFFERED": NOT_FOUND,
    "INTERNAL": ACCIDENT,
}
# Used when a service gives no reason, or a reason that this version does not know.
CODES: Mapping[str, Kind] = {
    "INVALID_ARGUMENT": INVALID,
    "NOT_FOUND": NOT_FOUND,
    "ALREADY_EXISTS": FORBIDDEN,
    "FAILED_PRECONDITION": FORBIDDEN,
    "PERMISSION_DENIED": (401, "restricted_api_key"),
    "UNAUTHENTICATED": (403, "invalid_api_key"),
    "RESOURCE_EXHAUSTED": (429, "rate_limit_exceeded"),
    "ABORTED": (503, "application_error"),
    "UNAVAILABLE": (503, "application_error"),
    "DEADLINE_EXCEEDED": (504, "application_error"),
}
STATUSES: Mapping[int, str] = {
    404: "not_found",
    405: "method_not_allowed",
    429: "rate_limit_exceeded",
    500: ACCIDENT[1],
}

# Replacements for messages of the services, in the terms of Resend's API.
SENTENCES: Mapping[str, str] = {
    "KEY_NOT_FOUND": "API key not found.",
    "DOMAIN_NOT_FOUND": "Domain not found.",
    "EMAIL_NOT_FOUND": "Email not found.",
    "SUPPRESSION_NOT_FOUND": "Suppression not found.",
    "SCOPE_TOO_SMALL": "This API key is restricted to only send emails",
    "REQUEST_ID_REUSED": "This idempotency key was already used with a different body. Use a new key.",
}
# The terms of this API for RPCs and enum values that messages of the services mention.
WORDS: Mapping[str, str] = {
    "CreateDomain": "POST /domains",
    "GetDomain": "GET /domains/{id}",
    "ListDomains": "GET /domains",
    "CreateApiKey": "POST /api-keys",
    "ListApiKeys": "GET /api-keys",
    "scope SENDING_ACCESS": "permission `sending_access`",
}
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
# Fields whose errors have their own error name.
OF_FIELDS: Mapping[str, Kind] = {
    "from": (422, "invalid_from_address"),
    "attachments": (422, "invalid_attachment"),
    "region": (422, "invalid_region"),
    "permission": (422, "invalid_access"),
    "Idempotency-Key": BAD_KEY_OF_RETRY,
}
_WORD = re.compile(rf"\b(?:{'|'.join(WORDS)})\b")
_OWNER = re.compile(r"(?:emails\[\d+\]\.)?([A-Za-z_-]+)")


class Rejected(Exception):
    """An error of the API, with its HTTP status and Resend's error name."""

    def __init__(self, kind: Kind, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.status, self.name = kind
        self.message = message
        self.retry_after = retry_after


def rejected(error: Exception) -> Rejected:
    """Convert any exception to an error of the API. An unexpected exception reveals no details."""
    if isinstance(error, Rejected):
        return error
    if isinstance(error, CallFailed):
        return _of_service(error)
    if isinstance(error, HTTPException):
        kind = (error.status_code, STATUSES.get(error.status_code, "validation_error"))
        return Rejected(kind, str(error.detail))
    return Rejected(ACCIDENT, "Something went wrong on our side. Try again, or contact the operator.")


def answer(error: Exception) -> Response:
    """Return the response to an error, in Resend's shape."""
    rejection = rejected(error)
    problem = models.Problem(statusCode=rejection.status, name=rejection.name, message=rejection.message)
    response = Response(msgspec.json.encode(problem), rejection.status, media_type="application/json")
    if rejection.retry_after is not None:
        response.headers["retry-after"] = str(ceil(rejection.retry_after.total_seconds()))
    return response


def sentence_of(refused: CallFailed) -> str:
    """Return the message of a service's error as a sentence, in the terms of this API."""
    if refused.violations:
        text = "; ".join(f"`{_field(each)}` {each.description}" for each in refused.violations)
    else:
        text = SENTENCES.get(refused.reason, refused.message)
    text = _WORD.sub(lambda word: WORDS[word[0]], text)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "…")) else ".")


def _of_service(refused: CallFailed) -> Rejected:
    kind = REASONS.get(refused.reason) or CODES.get(refused.code.name, ACCIDENT)
    if refused.reason == "INVALID_FIELD" and refused.violations:
        owner = _OWNER.match(_field(refused.violations[0]))
        kind = OF_FIELDS.get(owner[1], kind) if owner else kind
    return Rejected(kind, sentence_of(refused), retry_after=refused.retry_after)


def _field(violation: Violation) -> str:
    """Return the API's name of a field, such as `from` for `from.address` or `to[0]` for `to[0].address`."""
    path = violation.field.removeprefix("domain.")
    owner, _, part = path.rpartition(".")
    if part in ("address", "name") and owner.endswith(("from", "]")):
        path = owner
    around, dot, last = path.rpartition(".")
    name, bracket, index = last.partition("[")
    return f"{around}{dot}{FIELDS.get(name, name)}{bracket}{index}"
