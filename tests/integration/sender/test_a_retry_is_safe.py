"""The same request_id and content make one email, however often and at once they are sent."""

import asyncio

import grpc

from tests.factories import Domain
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
