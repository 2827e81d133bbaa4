"""Invalid input is rejected with the item and field, alone and in batches; valid input is accepted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from letterhead.sender.v1.emails_pb2 import Attachment, SendEmailRequest, SendEmailsRequest
from tests.factories import Domain
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import State, becomes
from tests.integration.sender.test_batches import a_batch, kinds, reported, stored
from tests.stores import FreshDatabase

INVALID = grpc.StatusCode.INVALID_ARGUMENT
MEBIBYTE = 1024 * 1024


def at(ahead: timedelta) -> Callable[[SendEmailRequest], object]:
    """Return a change that schedules a request for a time from now."""
    return lambda request: request.send_time.FromDatetime(datetime.now(UTC) + ahead)


def with_file(
    name: str, content_type: str = "", content: bytes = b"x"
) -> Callable[[SendEmailRequest], object]:
    """Return a change that adds an attachment to a request."""
    file = Attachment(file_name=name, content_type=content_type, content=content)
    return lambda request: request.attachments.append(file)


def with_readers(count: int) -> Callable[[SendEmailRequest], object]:
    """Return a change that adds recipients to a request."""
    return lambda request: [request.to.add(address=f"reader{number}@example.com") for number in range(count)]


BAD = {
    "in the past": (at(timedelta(minutes=-2)), "send_time"),
    "beyond 30 days": (at(timedelta(days=30, minutes=2)), "send_time"),
    "a program": (with_file("invoice.pdf.exe"), "attachments[0].file_name"),
    "a screen saver in capitals": (with_file("PHOTO.SCR"), "attachments[0].file_name"),
    "a path": (with_file("../etc/passwd"), "attachments[0].file_name"),
    "a multipart as a file": (with_file("a", "multipart/mixed"), "attachments[0].content_type"),
    "too large": (with_file("a.bin", content=bytes(31 * MEBIBYTE)), "attachments[0].content"),
    "51 recipients": (with_readers(50), "to"),
}


@pytest.fixture(params=list(BAD.values()), ids=list(BAD))
def bad(request: pytest.FixtureRequest, domain: Domain) -> tuple[SendEmailRequest, str]:
    """Return a request with one invalid field, and the path of that field."""
    change, field = request.param
    invalid = a_request(f"agent@{domain.name}")
    change(invalid)
    return invalid, field


async def test_an_invalid_email_is_rejected_with_its_field(
    caller: Caller, database: FreshDatabase, bad: tuple[SendEmailRequest, str]
) -> None:
    invalid, field = bad

    rejection = await refused(caller.emails.SendEmail(invalid))

    assert (rejection.code, rejection.reason) == (INVALID, "INVALID_FIELD")
    assert rejection.fields.keys() == {field}
    assert await stored(database) == 0


async def test_strict_validation_rejects_the_batch_and_names_the_item(
    caller: Caller, domain: Domain, database: FreshDatabase, bad: tuple[SendEmailRequest, str]
) -> None:
    invalid, field = bad
    good = a_request(f"agent@{domain.name}")

    rejection = await refused(caller.emails.SendEmails(a_batch([good, invalid, good])))

    assert rejection.code is INVALID
    assert rejection.fields.keys() == {f"emails[1].{field}"}
    assert await stored(database) == 0


async def test_permissive_validation_sends_the_valid_items_and_names_the_invalid_one(
    caller: Caller, domain: Domain, bad: tuple[SendEmailRequest, str]
) -> None:
    invalid, field = bad
    good = a_request(f"agent@{domain.name}")

    answer = await caller.emails.SendEmails(a_batch([good, invalid, good], permissive=True))

    assert kinds(answer) == ["email", "error", "email"]
    assert reported(answer.results[1].error) == ("INVALID_FIELD", {f"emails[1].{field}"})
    for index in (0, 2):
        await becomes(caller, answer.results[index].email, State.STATE_SENT)


@pytest.mark.parametrize("permissive", [False, True])
@pytest.mark.parametrize("count", [0, 101, 1000])
async def test_an_empty_batch_or_one_of_more_than_a_hundred_is_rejected(
    caller: Caller, domain: Domain, database: FreshDatabase, count: int, *, permissive: bool
) -> None:
    emails = [a_request(f"agent@{domain.name}")] * count

    rejection = await refused(caller.emails.SendEmails(a_batch(emails, permissive=permissive)))

    assert (rejection.code, set(rejection.fields)) == (INVALID, {"emails"})
    assert await stored(database) == 0


@pytest.mark.parametrize("request_id", ["x" * 257, "x" * 10_000, "a\nb", "a\0b"])
async def test_a_request_id_that_is_too_long_or_not_printable_is_rejected(
    caller: Caller, domain: Domain, database: FreshDatabase, request_id: str
) -> None:
    email = a_request(f"agent@{domain.name}")
    calls: list[Any] = [
        caller.emails.SendEmail(a_request(f"agent@{domain.name}", request_id=request_id)),
        caller.emails.SendEmails(a_batch([email], request_id=request_id)),
        caller.emails.SendEmails(SendEmailsRequest(emails=[email], request_id=request_id)),
    ]

    for call in calls:
        rejection = await refused(call)
        assert (rejection.code, set(rejection.fields)) == (INVALID, {"request_id"})
    assert await stored(database) == 0


async def test_a_request_id_of_256_characters_is_accepted(caller: Caller, domain: Domain) -> None:
    first, again = [await caller.send(f"agent@{domain.name}", request_id="x" * 256) for _ in range(2)]

    assert first.id == again.id
