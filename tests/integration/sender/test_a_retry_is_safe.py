"""Requests with the same request_id and content create one email, even when sent concurrently."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from letterhead.sender.v1.emails_pb2 import Email, SendEmailRequest
from tests.factories import Domain
from tests.figures import Figure
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase


async def test_concurrent_equal_requests_create_one_email(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    address = f"agent@{domain.name}"

    pairs = [caller.send(address, request_id=f"request-{number // 2}") for number in range(200)]
    emails = await asyncio.gather(*pairs)

    assert len({email.id for email in emails}) == 100
    assert all(emails[number].id == emails[number + 1].id for number in range(0, 200, 2))
    for email in emails:
        await becomes(caller, email, State.STATE_SENT)
    assert len(await sender.posts()) == 100
    [row] = await database.fetch("SELECT count(*) FROM sender.emails")
    assert row["count"] == 100


CALLERS = 200  # concurrent calls; docs/reliability.md quotes the figure for `--pairs 10000`


@pytest.mark.timeout(1800)  # long enough for --pairs 10000
async def test_concurrent_pairs_at_two_replicas_create_no_second_email(
    sender: Sender, tenant_id: UUID, database: FreshDatabase, figure: Figure, pairs: int
) -> None:
    """Send the two requests of each pair to different replicas; every tenth pair differs in content."""
    domain = await sender.a_ready_domain(tenant_id)
    await sender.set_account(state="PAUSED")  # accept emails without sending them
    async with sender.start() as one, sender.start() as other:
        callers = [await sender.a_caller(channel, tenant_id) for channel in (one, other)]
        calls = iter([(number, side) for number in range(pairs) for side in (0, 1)])
        answers: dict[int, list[Email | None]] = {number: [] for number in range(pairs)}

        async def call_on(calls: Iterator[tuple[int, int]]) -> None:
            for number, side in calls:
                subject = f"side {side}" if number % 10 == 0 else "the same"
                sending = callers[side].send(f"agent@{domain.name}", subject=subject, request_id=f"r{number}")
                answers[number].append(await unless_reused(sending))

        began = time.monotonic()
        await asyncio.gather(*(call_on(calls) for _ in range(CALLERS)))
        took = time.monotonic() - began

    accepted = {number: [each for each in pair if each] for number, pair in answers.items()}
    assert {len(pair) for number, pair in accepted.items() if number % 10 == 0} == {1}
    assert {len(pair) for number, pair in accepted.items() if number % 10} == {2}
    assert all(len({each.id for each in pair}) == 1 for pair in accepted.values())
    [row] = await database.fetch("SELECT count(*) FROM sender.emails")
    second = row["count"] - pairs
    assert second == 0
    figure(
        f"idempotency: {pairs:,} concurrent pairs of equal request_ids at 2 replicas ({took:.0f} s): "
        f"{second} second emails; {pairs // 10:,} of them with other content: ALREADY_EXISTS every time"
    )


async def unless_reused(sending: Awaitable[Email]) -> Email | None:
    """Return the email, or None if the request_id was used for another request."""
    try:
        return await sending
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
        return None


async def test_the_same_id_with_other_content_is_rejected(caller: Caller, domain: Domain) -> None:
    await caller.send(f"agent@{domain.name}", request_id="1")

    again = a_request(f"agent@{domain.name}", subject="Another", request_id="1")
    rejection = await refused(caller.emails.SendEmail(again))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_a_repeat_gets_the_first_answer_even_if_the_domain_was_lost_since(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    first = await caller.send(f"agent@{domain.name}", request_id="1")
    await becomes(caller, first, State.STATE_SENT)
    await sender.set_domain_state(domain, "LOST")

    again = await caller.send(f"agent@{domain.name}", request_id="1")

    assert (again.id, again.state) == (first.id, State.STATE_SENT)


async def test_each_request_without_an_id_creates_a_new_email(caller: Caller, domain: Domain) -> None:
    emails = [await caller.send(f"agent@{domain.name}") for _ in range(3)]

    assert len({email.id for email in emails}) == 3


async def test_a_rejected_request_may_be_corrected_under_the_same_id(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    await sender.set_domain_state(domain, "PENDING")
    await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}", request_id="1")))
    await sender.set_domain_state(domain, "READY")

    await caller.send(f"agent@{domain.name}", subject="Corrected", request_id="1")


async def test_a_retry_is_recognized_by_the_words_for_its_time(caller: Caller, domain: Domain) -> None:
    def waiting(words: str, hours: int) -> SendEmailRequest:
        at = Timestamp()
        at.FromDatetime(datetime.now(UTC) + timedelta(hours=hours))
        return a_request(f"agent@{domain.name}", request_id="1", send_time=at, send_time_text=words)

    first = (await caller.emails.SendEmail(waiting("in 1 hour", 1))).email
    again = (await caller.emails.SendEmail(waiting("in 1 hour", 2))).email
    other = await refused(caller.emails.SendEmail(waiting("in 2 hours", 2)))
    exact = await refused(caller.emails.SendEmail(waiting("", 1)))

    assert (again.id, again.scheduled_time) == (first.id, first.scheduled_time)
    assert other.reason == exact.reason == "REQUEST_ID_REUSED"
