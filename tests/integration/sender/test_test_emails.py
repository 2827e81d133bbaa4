"""Test emails: from a domain that is ready, with fixed content and a rate limit, for keys and for links."""

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
    """Return a customer with a link to the domain's page, but without a key."""
    return Caller(caller.channel, await a_link(database, domain))


async def send_test(caller: Caller, domain: Domain, **more: str) -> Email:
    email: Email = (await caller.emails.SendTestEmail(a_test(domain, **more))).email
    return email


def a_test(domain: Domain, **more: str) -> SendTestEmailRequest:
    """Return a request for a test email to an address at the domain itself."""
    return SendTestEmailRequest(domain_id=str(domain.claim_id), **({"to": f"ada@{domain.name}"} | more))


async def test_a_test_email_is_from_the_domain_with_fixed_content(caller: Caller, domain: Domain) -> None:
    email = await send_test(caller, domain)

    assert getattr(email, "from").address == f"hello@{domain.name}"
    assert [each.address.address for each in email.recipients] == [f"ada@{domain.name}"]
    whole = await caller.get(email.id)
    assert f"signed-by:  {domain.name}" in whole.text


async def test_a_link_can_send_and_read_a_test_email(holder: Caller, domain: Domain) -> None:
    email = await send_test(holder, domain)

    assert (await holder.get(email.id)).subject == f"A test email from {domain.name}"


async def test_a_link_cannot_send_or_read_anything_else(
    holder: Caller, caller: Caller, domain: Domain
) -> None:
    written = await caller.send(f"agent@{domain.name}")

    reading = holder.emails.GetEmail(GetEmailRequest(email_id=written.id))
    assert (await refused(reading)).reason == "EMAIL_NOT_FOUND"
    for call in (
        holder.emails.ListEmails(ListEmailsRequest()),
        holder.emails.SendEmail(a_request(f"agent@{domain.name}")),
    ):
        assert (await refused(call)).reason == "SCOPE_TOO_SMALL"


async def test_a_link_cannot_send_from_another_domain(
    holder: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    for tenant_id in (domain.tenant_id, await a_tenant(database)):
        other = await sender.a_ready_domain(tenant_id)
        assert (await refused(holder.emails.SendTestEmail(a_test(other)))).reason == "DOMAIN_NOT_FOUND"


async def test_a_domain_without_dkim_sends_no_test_email(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    await database.execute("UPDATE identity.tenants SET unready_policy = 'SHARED'")
    await sender.set_domain_state(domain, "PENDING")

    rejection = await refused(caller.emails.SendTestEmail(a_test(domain)))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DOMAIN_NOT_READY")


async def test_the_rate_limit_of_five_is_per_domain_and_not_per_caller(
    caller: Caller, holder: Caller, domain: Domain
) -> None:
    for who in (caller, holder, caller, holder, caller):
        await send_test(who, domain)

    rejection = await refused(holder.emails.SendTestEmail(a_test(domain)))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_EXCEEDED")


async def test_a_retry_returns_the_same_email(caller: Caller, domain: Domain) -> None:
    request_id = str(uuid4())

    first, again = [await send_test(caller, domain, request_id=request_id) for _ in range(2)]

    assert first.id == again.id


async def test_an_invalid_address_is_rejected(caller: Caller, domain: Domain) -> None:
    rejection = await refused(caller.emails.SendTestEmail(a_test(domain, to="nobody")))

    assert list(rejection.fields) == ["to[0].address"]


async def test_a_search_matches_addresses_and_subjects(
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


async def test_a_search_has_pages(caller: Caller, domain: Domain) -> None:
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
