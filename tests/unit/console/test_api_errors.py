"""Every error has a status and a name that Resend's SDKs know, and a message for callers."""

import json
from datetime import timedelta

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from starlette.exceptions import HTTPException

from chassis.client import CallFailed, failure_of_status
from chassis.errors import FailedPrecondition, InvalidField, ServiceError, Violation, to_status
from chassis.reasons import REASONS
from services.console.api import errors

# https://resend.com/docs/api-reference/errors
NAMES = {
    "invalid_idempotency_key", "validation_error", "missing_api_key", "restricted_api_key", "invalid_api_key",
    "not_found", "method_not_allowed", "invalid_idempotent_request", "concurrent_idempotent_requests",
    "invalid_attachment", "invalid_from_address", "invalid_access", "invalid_parameter", "invalid_region",
    "missing_required_field", "monthly_quota_exceeded", "daily_quota_exceeded", "rate_limit_exceeded",
    "security_error", "application_error", "internal_server_error",
}  # fmt: skip


def a_rejection(
    code: str,
    reason: str,
    message: str = "It cannot be.",
    *fields: tuple[str, str],
    wait: int = 0,
    metadata: dict[str, str] | None = None,
) -> CallFailed:
    """Return an error as a service, which may be of another version, would have reported it."""
    parts = [details.ErrorInfo(reason=reason, domain="letterhead", metadata=metadata)]
    if fields:
        violations = [
            details.BadRequest.FieldViolation(field=field, description=problem) for field, problem in fields
        ]
        parts.append(details.BadRequest(field_violations=violations))
    if wait:
        parts.append(details.RetryInfo(retry_delay=Duration(seconds=wait)))
    status = Status(code=Code.Value(code), message=message)
    for each in parts:
        packed = Any()
        packed.Pack(each)
        status.details.append(packed)
    return failure_of_status(status)


def answered(error: Exception) -> tuple[int, str, str]:
    """Return the status, name and message of the response to an error."""
    response = errors.answer(error)
    body = json.loads(bytes(response.body))
    assert body.keys() == {"statusCode", "name", "message"}
    assert body["statusCode"] == response.status_code
    assert response.headers["content-type"] == "application/json"
    return response.status_code, body["name"], body["message"]


def test_every_error_name_is_one_of_resends() -> None:
    kinds = [*map(errors.kind_of, REASONS), *errors.FIELD_KINDS.values()]

    assert {name for _, name in kinds} <= NAMES


def test_an_error_without_a_reason_is_reported_like_one_with_the_same_code() -> None:
    assert {REASONS[reason].code: reason for reason in errors.LIKE.values()} == errors.LIKE


@pytest.mark.parametrize(
    ("field", "name", "shown"),
    [
        ("from.address", "invalid_from_address", "`from`"),
        ("from.name", "invalid_from_address", "`from`"),
        ("to[3].address", "validation_error", "`to[3]`"),
        ("emails[7].from.address", "invalid_from_address", "`emails[7].from`"),
        ("emails[7].reply_to[0].name", "validation_error", "`emails[7].reply_to[0]`"),
        ("attachments[1].file_name", "invalid_attachment", "`attachments[1].filename`"),
        ("send_time", "validation_error", "`scheduled_at`"),
        ("request_id", "invalid_idempotency_key", "`Idempotency-Key`"),
        ("region", "invalid_region", "`region`"),
        ("scope", "invalid_access", "`permission`"),
        ("domain_ids", "validation_error", "`domain_id`"),
        ("domain.mail_from_label", "validation_error", "`custom_return_path`"),
        ("address", "validation_error", "`email`"),
        ("name", "validation_error", "`name`"),
        ("headers['X-Subject']", "validation_error", "`headers.X-Subject`"),
        ("emails[3].headers['X-It\\'s']", "validation_error", "`emails[3].headers.X-It\\'s`"),
        ("tags['address']", "validation_error", "`tags.address`"),
        ("", "validation_error", "``"),
    ],
)
def test_a_field_is_called_by_its_name_in_the_api(field: str, name: str, shown: str) -> None:
    refused = a_rejection("INVALID_ARGUMENT", "INVALID_FIELD", "no", (field, "cannot be used"))

    assert answered(refused)[1:] == (name, f"{shown} cannot be used.")


def test_all_violations_are_reported() -> None:
    refused = a_rejection("INVALID_ARGUMENT", "INVALID_FIELD", "", ("subject", "is long"), ("to", "is empty"))

    assert answered(refused) == (422, "validation_error", "`subject` is long; `to` is empty.")


def of_service(error: ServiceError) -> CallFailed:
    """Return an error as a caller of the service receives it."""
    return failure_of_status(to_status(error))


def test_an_error_has_the_words_of_the_api_for_its_reason() -> None:
    metadata = {"domain": "example.org"}
    refused = of_service(FailedPrecondition("FROM_NOT_YOURS", "Use CreateDomain.", metadata=metadata))

    sentence = "example.org is not one of your domains. Add it with POST /domains first."
    assert answered(refused) == (403, "validation_error", sentence)


def test_a_from_address_has_the_words_for_the_reason_of_the_error() -> None:
    metadata = {"domain": "example.org"}
    error = FailedPrecondition("FROM_NOT_YOURS", "Use CreateDomain.", metadata=metadata)
    error.violations = (Violation("emails[1].from.address", error.message, error.reason, metadata),)

    sentence = "example.org is not one of your domains. Add it with POST /domains first."
    assert answered(of_service(error)) == (403, "validation_error", f"`emails[1].from`: {sentence}")
    assert errors.sentence_of(of_service(error), item="emails[1].") == f"`from`: {sentence}"


def test_an_error_of_an_older_service_without_the_parameters_keeps_its_message() -> None:
    refused = a_rejection("FAILED_PRECONDITION", "FROM_NOT_YOURS", "That domain is not yours.")

    assert answered(refused) == (403, "validation_error", "That domain is not yours.")


@pytest.mark.parametrize(
    ("invalid", "sentence"),
    [
        (
            InvalidField("domain_ids", "ONLY_WITH_SCOPE", scope="SENDING_ACCESS"),
            "`domain_id` is allowed only with permission `sending_access`; leave it out.",
        ),
        (
            InvalidField("subject", "TOO_LONG", limit=998),
            "`subject` has more than 998 characters; shorten it.",
        ),
        (
            InvalidField("attachments[0].content_type", "FILE_NAME_PARAMETER", other_field="file_name"),
            "`attachments[0].content_type` has a parameter with the file's name; set `filename` instead.",
        ),
        (
            InvalidField("text", "BOTH_EMPTY", other_field="html"),
            "`text` and `html` are both empty; set one of them.",
        ),
    ],
)
def test_an_invalid_field_has_the_words_of_the_api_for_its_reason(
    invalid: InvalidField, sentence: str
) -> None:
    assert answered(of_service(invalid))[2] == sentence


def test_an_item_of_a_list_is_named_by_its_index() -> None:
    refused = a_rejection("INVALID_ARGUMENT", "INVALID_FIELD", "", ("address", "is not an address"), wait=2)

    assert answered(refused.of("emails[3]")) == (422, "validation_error", "`emails[3]` is not an address.")
    assert refused.of("emails[3]").retry_after == refused.retry_after


def test_retry_after_is_in_whole_seconds() -> None:
    response = errors.answer(a_rejection("RESOURCE_EXHAUSTED", "RATE_EXCEEDED", "slow down", wait=3))

    assert response.headers["retry-after"] == "3"
    soon = errors.Rejected((429, "rate_limit_exceeded"), "No.", retry_after=timedelta(milliseconds=1))
    assert errors.answer(soon).headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("UNAVAILABLE", (503, "application_error")),
        ("DEADLINE_EXCEEDED", (504, "application_error")),
        ("NOT_FOUND", (404, "not_found")),
        ("ALREADY_EXISTS", (403, "validation_error")),
        ("RESOURCE_EXHAUSTED", (429, "rate_limit_exceeded")),
        ("UNIMPLEMENTED", (500, "internal_server_error")),
        ("DATA_LOSS", (500, "internal_server_error")),
    ],
)
def test_an_unknown_reason_is_mapped_by_its_code(code: str, answer: tuple[int, str]) -> None:
    assert answered(a_rejection(code, "SOMETHING_NEW"))[:2] == answer


def test_an_unexpected_exception_reveals_no_details() -> None:
    status, name, message = answered(KeyError("secret"))

    assert (status, name) == (500, "internal_server_error")
    assert "secret" not in message


@pytest.mark.parametrize(
    ("status", "name"),
    [(404, "not_found"), (405, "method_not_allowed"), (413, "validation_error"), (408, "validation_error")],
)
def test_http_errors_have_the_same_shape(status: int, name: str) -> None:
    assert answered(HTTPException(status, "Too much.")) == (status, name, "Too much.")
