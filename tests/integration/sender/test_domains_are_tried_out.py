"""Test emails: from a domain that is ready, in our words, a few at a time, for keys and for links."""

from uuid import uuid4

import grpc
import pytest

from letterhead.sender.v1.emails_pb2 import (
    Email,
    GetEmailRequest,
    ListEmailsRequest,
    SendTestEmailRequest,
)
from tests.factories import Domain, a_key, a_link, a_tenant
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender
from tests.stores import FreshDatabase


@pytest.fixture
async def holder(caller: Caller, domain: Domain, database: FreshDatabase) -> Caller:
    """A customer who has the domain's link, and no key."""
    return Caller(caller.channel, await a_link(database, domain))


async def try_out(caller: Caller, domain: Domain, **more: str) -> Email:
    email: Email = (await caller.emails.SendTestEmail(a_test(domain, **more))).email
    return email


def a_test(domain: Domain, **more: str) -> SendTestEmailRequest:
    """A request for a test email to the domain itself."""
    return SendTestEmailRequest(domain_id=str(domain.claim_id), **({"to": f"ada@{domain.name}"} | more))


async def test_a_test_email_is_from_the_domain_and_in_our_words(caller: Caller, domain: Domain) -> None:
    email = await try_out(caller, domain)

    assert getattr(email, "from").address == f"hello@{domain.name}"
    assert [each.address.address for each in email.recipients] == [f"ada@{domain.name}"]
    whole = await caller.get(email.id)
    assert f"signed-by:  {domain.name}" in whole.text


async def test_a_link_sends_one_and_reads_it(holder: Caller, domain: Domain) -> None:
    email = await try_out(holder, domain)

    assert (await holder.get(email.id)).subject == f"A test email from {domain.name}"


async def test_a_link_sends_and_reads_nothing_else(holder: Caller, caller: Caller, domain: Domain) -> None:
    written = await caller.send(f"agent@{domain.name}")

    reading = holder.emails.GetEmail(GetEmailRequest(email_id=written.id))
    assert (await refused(reading)).reason == "EMAIL_NOT_FOUND"
    for call in (
        holder.emails.ListEmails(ListEmailsRequest()),
        holder.emails.SendEmail(a_request(f"agent@{domain.name}")),
    ):
        assert (await refused(call)).reason == "SCOPE_TOO_SMALL"


async def test_a_link_sends_from_no_other_domain(
    holder: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    for tenant_id in (domain.tenant_id, await a_tenant(database)):
        other = await sender.a_ready_domain(tenant_id)
        assert (await refused(holder.emails.SendTestEmail(a_test(other)))).reason == "DOMAIN_NOT_FOUND"


async def test_a_domain_that_does_not_sign_sends_none(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    await database.execute("UPDATE identity.tenants SET unready_policy = 'SHARED'")
    await sender.set_domain_state(domain, "PENDING")

    refusal = await refused(caller.emails.SendTestEmail(a_test(domain)))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DOMAIN_NOT_READY")


async def test_a_domain_has_five_at_once_whoever_asks(caller: Caller, holder: Caller, domain: Domain) -> None:
    for who in (caller, holder, caller, holder, caller):
        await try_out(who, domain)

    refusal = await refused(holder.emails.SendTestEmail(a_test(domain)))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_EXCEEDED")


async def test_a_retry_is_the_same_email(caller: Caller, domain: Domain) -> None:
    request_id = str(uuid4())

    first, again = [await try_out(caller, domain, request_id=request_id) for _ in range(2)]

    assert first.id == again.id


async def test_a_bad_address_is_refused(caller: Caller, domain: Domain) -> None:
    refusal = await refused(caller.emails.SendTestEmail(a_test(domain, to="nobody")))

    assert list(refusal.fields) == ["to[0].address"]


async def test_emails_are_found_by_what_stands_on_them(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    stranger = Caller(caller.channel, await a_key(database, await a_tenant(database)))
    invoice = await caller.send(f"billing@{domain.name}", "ada@reader.com", subject="Your Invoice")
    hello = await caller.send(f"agent@{domain.name}", "grace@hopper.com", subject="Hello")

    async def found(search: str, who: Caller = caller) -> list[str]:
        answer = await who.emails.ListEmails(ListEmailsRequest(search=search))
        return [each.id for each in answer.emails]

    assert await found("iNVOice") == [invoice.id]
    assert await found("billing@") == [invoice.id]
    assert await found("Hopper.com") == [hello.id]
    assert await found(domain.name) == [hello.id, invoice.id]
    assert await found("%") == []
    assert await found(domain.name, stranger) == []


async def test_a_search_goes_on_over_pages(caller: Caller, domain: Domain) -> None:
    wanted = [await caller.send(f"agent@{domain.name}", subject=f"News {number}") for number in range(3)]
    await caller.send(f"agent@{domain.name}", subject="Other")

    first = await caller.emails.ListEmails(ListEmailsRequest(search="news", page_size=2))
    rest = await caller.emails.ListEmails(
        ListEmailsRequest(search="news", page_size=2, page_token=first.next_page_token)
    )

    ids = [each.id for each in (*first.emails, *rest.emails)]
    assert ids == [each.id for each in wanted[::-1]]
    elsewhere = ListEmailsRequest(search="other", page_token=first.next_page_token)
    assert (await refused(caller.emails.ListEmails(elsewhere))).reason == "INVALID_PAGE_TOKEN"
