"""Emails over HTTP: sent, in batches too, read, listed, given another time, and canceled."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from letterhead.sender.v1 import emails_pb2 as pb
from services.console.api import documents, errors, models
from services.console.api.emails_protos import detail_of, request_of, results_of, summary_of
from services.console.api.endpoints import RETRY_KEY, Asked, Endpoint, decoded
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of
from services.console.api.times import stamp_of
from services.console.hardening import LARGEST_API_BODY

SEND_WITHIN = timedelta(seconds=25)  # files take their time; Resend's SDKs give up after 30
VALIDATION = "x-batch-validation"
VALIDATIONS = {
    "strict": pb.SendEmailsRequest.VALIDATION_STRICT,
    "permissive": pb.SendEmailsRequest.VALIDATION_PERMISSIVE,
}


async def send(asked: Asked) -> models.EmailId:
    """Sends an email: once it is answered, it is stored and will be handed over once."""
    request = await asked.made(_request)
    request.request_id = asked.request_id()
    response = await asked.ask(asked.calls.sender.SendEmail, request, deadline=SEND_WITHIN)
    return models.EmailId(id=response.email.id)


async def send_batch(asked: Asked) -> models.Batch:
    """Sends up to 100 emails, each judged alone: all or none of them, or in permissive mode the good ones."""
    validation = _validation(asked)
    good, wrong = await asked.made(_judged)
    strict = validation == pb.SendEmailsRequest.VALIDATION_STRICT
    if strict and wrong:
        index, no = min(wrong.items())
        raise Rejected((no.status, no.name), f"`emails[{index}]`: {no.message}")
    accepted, refused = await _accepted(asked, good, validation)
    if strict:
        return models.Batch(data=accepted)
    problems = sorted((refused | {index: no.message for index, no in wrong.items()}).items())
    return models.Batch(
        data=accepted, errors=[models.BatchError(index=index, message=said) for index, said in problems]
    )


async def get(asked: Asked) -> models.Email:
    """Gives an email and what became of it."""
    request = pb.GetEmailRequest(email_id=asked.id("email_id"))
    return detail_of((await asked.ask(asked.calls.sender.GetEmail, request)).email)


async def list_(asked: Asked) -> models.Listing[models.EmailSummary]:
    """Lists emails, newest first."""
    request = pb.ListEmailsRequest(**page_of(asked.query))
    found = await asked.ask(asked.calls.sender.ListEmails, request)
    return listing(found, found.emails, summary_of)


async def update(asked: Asked) -> models.EmailReference:
    """Gives a scheduled email another time."""
    send_time = stamp_of("scheduled_at", asked.body(models.UpdateEmail).scheduled_at)
    request = pb.UpdateEmailRequest(email_id=asked.id("email_id"), send_time=send_time)
    return models.EmailReference(id=(await asked.ask(asked.calls.sender.UpdateEmail, request)).email.id)


async def cancel(asked: Asked) -> models.EmailReference:
    """Cancels an email that was not handed over yet."""
    request = pb.CancelEmailRequest(email_id=asked.id("email_id"))
    return models.EmailReference(id=(await asked.ask(asked.calls.sender.CancelEmail, request)).email.id)


def _validation(asked: Asked) -> pb.SendEmailsRequest.Validation.ValueType:
    word = asked.headers.get(VALIDATION, "strict")
    if word not in VALIDATIONS:
        raise Rejected(errors.INVALID, f"The header `{VALIDATION}` must be `strict` or `permissive`.")
    return VALIDATIONS[word]


def _request(content: bytes) -> pb.SendEmailRequest:
    documents.check(content)
    return request_of(decoded(content, models.SendEmail))


def _judged(content: bytes) -> tuple[dict[int, pb.SendEmailRequest], dict[int, Rejected]]:
    """Give by its place each email of a batch that is one, and why each other is none."""
    documents.check(content, entries=documents.MOST_ENTRIES_OF_BATCH)
    items = decoded(content, list[msgspec.Raw])
    if not 1 <= len(items) <= models.MOST_OF_BATCH:
        sentence = f"A batch has 1 to {models.MOST_OF_BATCH} emails; this one has {len(items)}."
        raise Rejected(errors.INVALID, sentence)
    good, wrong = {}, {}
    for index, item in enumerate(items):
        try:
            good[index] = request_of(decoded(bytes(item), models.SendEmail))
        except Rejected as no:
            wrong[index] = no
    return good, wrong


async def _accepted(
    asked: Asked,
    emails: Mapping[int, pb.SendEmailRequest],
    validation: pb.SendEmailsRequest.Validation.ValueType,
) -> tuple[list[models.EmailId], dict[int, str]]:
    """Send emails by their places; gives those accepted, and why not by the place of each other."""
    request = pb.SendEmailsRequest(
        emails=emails.values(), validation=validation, request_id=asked.request_id()
    )
    if not emails:
        return [], {}
    sent = await asked.ask(asked.calls.sender.SendEmails, request, deadline=SEND_WITHIN)
    return results_of(sent.results, list(emails))


ENDPOINTS = (
    Endpoint(
        "POST", "/emails", send, models.EmailId,
        body=models.SendEmail, headers=(RETRY_KEY,), largest=LARGEST_API_BODY,
    ),
    Endpoint("GET", "/emails", list_, models.Listing[models.EmailSummary], query=QUERY),
    Endpoint(
        "POST", "/emails/batch", send_batch, models.Batch,
        body=models.Emails, headers=(RETRY_KEY, VALIDATION), largest=LARGEST_API_BODY,
    ),
    Endpoint("GET", "/emails/{email_id}", get, models.Email),
    Endpoint("PATCH", "/emails/{email_id}", update, models.EmailReference, body=models.UpdateEmail),
    Endpoint("POST", "/emails/{email_id}/cancel", cancel, models.EmailReference),
)  # fmt: skip
