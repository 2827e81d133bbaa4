"""The same request_id and content make one email, however often and at once they are sent."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from uuid import UUID

import grpc
import pytest

from letterhead.sender.v1.emails_pb2 import Email
from tests.factories import Domain
from tests.figures import Figure
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase


async def test_equal_requests_at_once_make_one_email(
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


CALLERS = 200  # calls under way at once; `--pairs 10000` makes the figure that the promise names


@pytest.mark.timeout(1800)  # as many pairs as one asks for
async def test_pairs_released_together_make_no_second_email(
    sender: Sender, tenant_id: UUID, database: FreshDatabase, figure: Figure, pairs: int
) -> None:
    """Two replicas, each of a pair at the other's; every tenth pair disagrees about the content."""
    domain = await sender.a_ready_domain(tenant_id)
    await sender.set_account(state="PAUSED")  # what is accepted is counted, and nothing leaves
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
        f"idempotency: {pairs:,} pairs of equal request_ids released together at 2 replicas ({took:.0f} s): "
        f"{second} second emails; {pairs // 10:,} of them with other content: ALREADY_EXISTS every time"
    )


async def unless_reused(sending: Awaitable[Email]) -> Email | None:
    """The email, or None where the id stands for something else."""
    try:
        return await sending
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
        return None


async def test_the_same_id_with_other_content_is_refused(caller: Caller, domain: Domain) -> None:
    await caller.send(f"agent@{domain.name}", request_id="1")

    again = a_request(f"agent@{domain.name}", subject="Another", request_id="1")
    refusal = await refused(caller.emails.SendEmail(again))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_the_first_answer_stands_when_the_domain_has_fallen_since(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    first = await caller.send(f"agent@{domain.name}", request_id="1")
    await becomes(caller, first, State.STATE_SENT)
    await sender.set_domain_state(domain, "LOST")

    again = await caller.send(f"agent@{domain.name}", request_id="1")

    assert (again.id, again.state) == (first.id, State.STATE_SENT)


async def test_without_an_id_each_request_is_a_new_email(caller: Caller, domain: Domain) -> None:
    emails = [await caller.send(f"agent@{domain.name}") for _ in range(3)]

    assert len({email.id for email in emails}) == 3


async def test_a_refused_request_may_be_mended_under_its_id(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    await sender.set_domain_state(domain, "PENDING")
    await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}", request_id="1")))
    await sender.set_domain_state(domain, "READY")

    await caller.send(f"agent@{domain.name}", subject="Mended", request_id="1")
