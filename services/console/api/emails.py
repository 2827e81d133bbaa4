"""The email endpoints: send one or a batch, get, list, reschedule and cancel."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from letterhead.sender.v1 import emails_pb2 as pb
from services.console.api import documents, errors, models
from services.console.api.decoding import decoded, items_of
from services.console.api.email_mappers import (
    detail_of,
    request_of,
    results_of,
    scheduled_at_of,
    summary_of,
)
from services.console.api.endpoints import IDEMPOTENCY_KEY, ApiRequest, Endpoint
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of
from services.console.api.times import stamp_of
from services.console.hardening import LARGEST_API_BODY

SEND_WITHIN = timedelta(seconds=25)  # attachments take long to upload; Resend's SDKs time out after 30
VALIDATION = "x-batch-validation"
VALIDATIONS = {
    "strict": pb.SendEmailsRequest.VALIDATION_STRICT,
    "permissive": pb.SendEmailsRequest.VALIDATION_PERMISSIVE,
}


async def send(incoming: ApiRequest) -> models.EmailId:
    """Send an email. A successful response means that it is stored and will be submitted once."""
    request = await incoming.parsed(_request)
    request.request_id = incoming.request_id()
    response = await incoming.call(incoming.stubs.sender.SendEmail, request, deadline=SEND_WITHIN)
    return models.EmailId(id=response.email.id, scheduled_at=scheduled_at_of(response.email))


async def send_batch(incoming: ApiRequest) -> models.Batch:
    """Send up to 100 emails: all or none by default, or only the valid ones in permissive mode."""
    validation = _validation(incoming)
    valid, invalid = await incoming.parsed(_validated)
    strict = validation == pb.SendEmailsRequest.VALIDATION_STRICT
    if strict and invalid:
        index, error = min(invalid.items())
        raise Rejected((error.status, error.name), f"`emails[{index}]`: {error.message}")
    accepted, failed = await _accepted(incoming, valid, validation)
    if strict:
        return models.Batch(data=accepted)
    problems = sorted((failed | {index: error.message for index, error in invalid.items()}).items())
    return models.Batch(
        data=accepted, errors=[models.BatchError(index=index, message=text) for index, text in problems]
    )


async def get(incoming: ApiRequest) -> models.Email:
    """Retrieve an email with its delivery status."""
    request = pb.GetEmailRequest(email_id=incoming.id("email_id"))
    return detail_of((await incoming.call(incoming.stubs.sender.GetEmail, request)).email)


async def list_(incoming: ApiRequest) -> models.Listing[models.EmailSummary]:
    """List emails, newest first."""
    request = pb.ListEmailsRequest(**page_of(incoming.query))
    found = await incoming.call(incoming.stubs.sender.ListEmails, request)
    return listing(found, found.emails, summary_of)


async def update(incoming: ApiRequest) -> models.EmailReference:
    """Change the time of a scheduled email."""
    body = incoming.body(models.UpdateEmail)
    send_time = stamp_of("scheduled_at", body.scheduled_at, datetime.now(UTC))
    request = pb.UpdateEmailRequest(email_id=incoming.id("email_id"), send_time=send_time)
    updated = await incoming.call(incoming.stubs.sender.UpdateEmail, request)
    return models.EmailReference(id=updated.email.id, scheduled_at=scheduled_at_of(updated.email))


async def cancel(incoming: ApiRequest) -> models.EmailReference:
    """Cancel an email that was not submitted yet."""
    request = pb.CancelEmailRequest(email_id=incoming.id("email_id"))
    canceled = await incoming.call(incoming.stubs.sender.CancelEmail, request)
    return models.EmailReference(id=canceled.email.id)


def _validation(incoming: ApiRequest) -> pb.SendEmailsRequest.Validation.ValueType:
    word = incoming.headers.get(VALIDATION, "strict")
    if word not in VALIDATIONS:
        raise Rejected(errors.INVALID, f"The header `{VALIDATION}` must be `strict` or `permissive`.")
    return VALIDATIONS[word]


def _request(content: bytes) -> pb.SendEmailRequest:
    documents.check(content)
    return request_of(decoded(content, models.SendEmail), datetime.now(UTC))


def _validated(content: bytes) -> tuple[dict[int, pb.SendEmailRequest], dict[int, Rejected]]:
    """Return the valid emails of a batch and the errors of all others, each by its index."""
    documents.check(content, entries=documents.MOST_ENTRIES_OF_BATCH)
    items, now = items_of(content), datetime.now(UTC)
    if not 1 <= len(items) <= models.MOST_OF_BATCH:
        message = f"A batch must have 1 to {models.MOST_OF_BATCH} emails; this one has {len(items)}."
        raise Rejected(errors.INVALID, message)
    valid, invalid = {}, {}
    for index, item in enumerate(items):
        try:
            valid[index] = request_of(decoded(item, models.SendEmail), now)
        except Rejected as error:
            invalid[index] = error
    return valid, invalid


async def _accepted(
    incoming: ApiRequest,
    emails: Mapping[int, pb.SendEmailRequest],
    validation: pb.SendEmailsRequest.Validation.ValueType,
) -> tuple[list[models.EmailId], dict[int, str]]:
    """Send emails, given by index; return the accepted emails, and the errors of all others by index."""
    request = pb.SendEmailsRequest(
        emails=emails.values(), validation=validation, request_id=incoming.request_id()
    )
    if not emails:
        return [], {}
    sent = await incoming.call(incoming.stubs.sender.SendEmails, request, deadline=SEND_WITHIN)
    return results_of(sent.results, list(emails))


ENDPOINTS = (
    Endpoint(
        "POST", "/emails", send, models.EmailId,
        body=models.SendEmail, headers=(IDEMPOTENCY_KEY,), largest=LARGEST_API_BODY,
    ),
    Endpoint("GET", "/emails", list_, models.Listing[models.EmailSummary], query=QUERY),
    Endpoint(
        "POST", "/emails/batch", send_batch, models.Batch,
        body=models.Emails, headers=(IDEMPOTENCY_KEY, VALIDATION), largest=LARGEST_API_BODY,
    ),
    Endpoint("GET", "/emails/{email_id}", get, models.Email),
    Endpoint("PATCH", "/emails/{email_id}", update, models.EmailReference, body=models.UpdateEmail),
    Endpoint("POST", "/emails/{email_id}/cancel", cancel, models.EmailReference),
)  # fmt: skip
