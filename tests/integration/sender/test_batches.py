"""Several emails in one request: all or none, or each validated on its own; one request_id for all."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2
from google.rpc.status_pb2 import Status

from letterhead.sender.v1.emails_pb2 import SendEmailRequest, SendEmailsRequest, SendEmailsResponse
from tests.factories import Domain, a_tenant
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def a_batch(emails: list[SendEmailRequest], *, permissive: bool = False, **fields: Any) -> SendEmailsRequest:
    """Return a request to send several emails."""
    validation = (
        SendEmailsRequest.VALIDATION_PERMISSIVE if permissive else SendEmailsRequest.VALIDATION_STRICT
    )
    return SendEmailsRequest(emails=emails, validation=validation, **fields)


def reported(error: Status) -> tuple[str, set[str]]:
    """Return the reason and the fields of one email's error."""
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in error.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    return info.reason, {violation.field for violation in bad_request.field_violations}


def kinds(answer: SendEmailsResponse) -> list[str | None]:
    return [result.WhichOneof("result") for result in answer.results]


async def stored(database: FreshDatabase, table: str = "emails") -> int:
    [row] = await database.fetch(f"SELECT count(*) FROM sender.{table}")  # noqa: S608
    count: int = row["count"]
    return count


async def posted(sender: Sender, count: int) -> bool:
    return len(await sender.posts()) == count


async def test_a_hundred_emails_are_accepted_in_order_and_each_is_sent_once(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    emails = [a_request(f"agent@{domain.name}", subject=f"Number {number}") for number in range(100)]

    answer = await caller.emails.SendEmails(a_batch(emails))

    accepted = [result.email for result in answer.results]
    assert [email.subject for email in accepted] == [f"Number {number}" for number in range(100)]
    assert sorted(email.id for email in accepted) == [email.id for email in accepted]
    await eventually(lambda: posted(sender, 100), within=timedelta(seconds=60))
    await sender.one_post_an_attempt()


async def test_strict_validation_rejects_all_emails_for_one_invalid_one(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    good = a_request(f"agent@{domain.name}")
    bad = a_request(f"agent@{domain.name}", "nobody", subject="a\nb")

    rejection = await refused(caller.emails.SendEmails(a_batch([good, good, good, bad], request_id="1")))

    assert (rejection.code, rejection.reason) == (INVALID, "INVALID_FIELD")
    assert set(rejection.fields) == {"emails[3].to[0].address", "emails[3].subject"}
    assert [await stored(database, table) for table in ("emails", "recipients", "idempotency")] == [0, 0, 0]


async def test_strict_validation_names_every_from_address_that_may_not_be_used(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    good, bad = a_request(f"agent@{domain.name}"), a_request("agent@nobodys.com")

    rejection = await refused(caller.emails.SendEmails(a_batch([good, bad, good, bad])))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FROM_NOT_YOURS")
    assert set(rejection.fields) == {"emails[1].from.address", "emails[3].from.address"}
    assert await stored(database) == 0


async def test_permissive_validation_sends_the_valid_emails(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    good = a_request(f"agent@{domain.name}")
    invalid = a_request(f"agent@{domain.name}", "nobody")
    foreign = a_request("agent@nobodys.com")

    batch = a_batch([invalid, good, foreign, good], permissive=True)
    answer = await caller.emails.SendEmails(batch)

    assert kinds(answer) == ["error", "email", "error", "email"]
    errors = [answer.results[index].error for index in (0, 2)]
    assert [error.code for error in errors] == [code_pb2.INVALID_ARGUMENT, code_pb2.FAILED_PRECONDITION]
    assert reported(errors[0]) == ("INVALID_FIELD", {"emails[0].to[0].address"})
    assert reported(errors[1]) == ("FROM_NOT_YOURS", {"emails[2].from.address"})
    for index in (1, 3):
        await becomes(caller, answer.results[index].email, State.STATE_SENT)
    assert (await stored(database), len(await sender.posts())) == (2, 2)


async def test_a_repeated_batch_gets_the_first_answers(
    caller: Caller, sender: Sender, domain: Domain, tenant_id: UUID, database: FreshDatabase
) -> None:
    other = await sender.a_ready_domain(tenant_id)
    await sender.set_domain_state(other, "LOST")
    emails = [a_request(f"agent@{name}") for name in (other.name, domain.name, other.name)]
    batch = a_batch(emails, permissive=True, request_id="1")

    first = await caller.emails.SendEmails(batch)
    await sender.set_domain_state(other, "READY")  # would be accepted now
    second = await caller.emails.SendEmails(batch)
    await sender.set_domain_state(domain, "LOST")  # would be refused now
    third = await caller.emails.SendEmails(batch)

    assert kinds(first) == ["error", "email", "error"]
    for again in (second, third):
        assert kinds(again) == kinds(first)
        assert again.results[1].email.id == first.results[1].email.id
        assert again.results[0].error == first.results[0].error
    assert await stored(database) == 1


async def test_a_batch_without_any_accepted_email_may_be_corrected_under_the_same_id(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    batch = a_batch([a_request(f"agent@{domain.name}")] * 2, permissive=True, request_id="1")
    await sender.set_domain_state(domain, "LOST")
    assert kinds(await caller.emails.SendEmails(batch)) == ["error", "error"]

    await sender.set_domain_state(domain, "READY")

    assert kinds(await caller.emails.SendEmails(batch)) == ["email", "email"]


async def test_concurrent_equal_batches_are_stored_once(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    batch = a_batch([a_request(f"agent@{domain.name}")] * 10, request_id="1")

    answers = await asyncio.gather(*(caller.emails.SendEmails(batch) for _ in range(10)))

    assert len({tuple(result.email.id for result in answer.results) for answer in answers}) == 1
    assert await stored(database) == 10


async def test_a_request_id_cannot_be_reused_for_another_kind_of_request(
    caller: Caller, domain: Domain
) -> None:
    emails = [a_request(f"agent@{domain.name}")]
    await caller.emails.SendEmails(a_batch(emails, request_id="1"))

    for other in (
        caller.emails.SendEmails(a_batch(emails, permissive=True, request_id="1")),
        caller.emails.SendEmails(a_batch(emails * 2, request_id="1")),
        caller.emails.SendEmail(a_request(f"agent@{domain.name}", request_id="1")),
    ):
        rejection = await refused(other)
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


INVALID_BATCHES: list[tuple[dict[str, Any], str]] = [
    ({"emails": []}, "emails"),
    ({"emails": [a_request("agent@inbox.mnexa.ai")] * 101}, "emails"),
    ({"emails": [a_request("agent@inbox.mnexa.ai", request_id="1")]}, "emails[0]"),
    ({"emails": [a_request("agent@inbox.mnexa.ai")], "request_id": "x" * 257}, "request_id"),
    ({"emails": [a_request("agent@inbox.mnexa.ai")], "validation": 7}, "validation"),
]


@pytest.mark.parametrize(("fields", "named"), INVALID_BATCHES, ids=lambda value: str(value)[:40])
async def test_an_invalid_batch_is_rejected_with_its_field(
    caller: Caller, fields: dict[str, Any], named: str
) -> None:
    rejection = await refused(caller.emails.SendEmails(SendEmailsRequest(**fields)))

    assert (rejection.code, set(rejection.fields)) == (INVALID, {named})


async def test_a_batch_for_another_tenant_is_rejected(caller: Caller, database: FreshDatabase) -> None:
    other = await a_tenant(database)

    batch = a_batch([a_request("agent@inbox.mnexa.ai")], tenant_id=str(other))
    rejection = await refused(caller.emails.SendEmails(batch))

    assert rejection.reason == "TENANT_NOT_FOUND"
