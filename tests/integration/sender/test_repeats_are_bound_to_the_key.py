"""A repeated request_id is answered only to a key that may see the first answer."""

from uuid import uuid4

import grpc

from chassis.access import Scope
from letterhead.sender.v1.emails_pb2 import (
    GetEmailRequest,
    SendEmailsRequest,
    SendTestEmailRequest,
)
from tests.factories import Domain, a_key, a_link
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender

REUSED = (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def restricted(sender: Sender, channel: grpc.aio.Channel, *domains: Domain) -> Caller:
    """Return a caller with a sending key that is restricted to these domains."""
    claims = tuple(each.claim_id for each in domains)
    tenant_id = domains[0].tenant_id
    return Caller(channel, await a_key(sender.database, tenant_id, Scope.SENDING_ACCESS, claim_ids=claims))


async def test_a_repeat_is_answered_only_to_keys_that_may_see_the_domains_of_the_first(
    caller: Caller, sender: Sender, domain: Domain, channel: grpc.aio.Channel
) -> None:
    other = await sender.a_ready_domain(domain.tenant_id)
    first, elsewhere = await restricted(sender, channel, domain), await restricted(sender, channel, other)
    request = a_request(f"agent@{domain.name}", request_id="order-1")

    made = (await first.emails.SendEmail(request)).email

    for again in (
        first,
        await restricted(sender, channel, domain),
        await restricted(sender, channel, domain, other),
        caller,
    ):
        assert (await again.emails.SendEmail(request)).email.id == made.id
    rejection = await refused(elsewhere.emails.SendEmail(request))
    assert (rejection.code, rejection.reason) == REUSED
    assert made.id not in f"{rejection.message}{rejection.metadata}"


async def test_a_restricted_key_gets_an_unrestricted_answer_only_if_all_emails_are_its_own(
    caller: Caller, sender: Sender, domain: Domain, channel: grpc.aio.Channel
) -> None:
    other = await sender.a_ready_domain(domain.tenant_id)
    key = await restricted(sender, channel, domain)
    own, mixed = (
        SendEmailsRequest(
            emails=[a_request(f"agent@{each.name}") for each in domains],
            request_id=str(uuid4()),
            validation=SendEmailsRequest.VALIDATION_PERMISSIVE,
        )
        for domains in ((domain, domain), (domain, other))
    )
    refusing = SendEmailsRequest(
        emails=[a_request(f"agent@{domain.name}"), a_request("agent@nobodys.com")],
        request_id=str(uuid4()),
        validation=SendEmailsRequest.VALIDATION_PERMISSIVE,
    )
    for request in (own, mixed, refusing):
        await caller.emails.SendEmails(request)

    again = await key.emails.SendEmails(own)

    assert all(each.email.id for each in again.results)
    for hidden in (mixed, refusing):
        rejection = await refused(key.emails.SendEmails(hidden))
        assert (rejection.code, rejection.reason) == REUSED


async def test_concurrent_requests_of_keys_for_other_domains_do_not_share_an_answer(
    sender: Sender, domain: Domain, channel: grpc.aio.Channel
) -> None:
    other = await sender.a_ready_domain(domain.tenant_id)
    first, elsewhere = await restricted(sender, channel, domain), await restricted(sender, channel, other)
    for number in range(20):
        request = a_request(f"agent@{domain.name}", request_id=str(number))

        calls = [each.emails.SendEmail(request) for each in (first, elsewhere)]
        made = (await calls[0]).email

        assert made.id
        assert (await refused(calls[1])).reason in ("REQUEST_ID_REUSED", "KEY_NOT_FOR_DOMAIN")


async def test_request_ids_of_a_link_are_separate_from_those_of_its_tenant(
    caller: Caller, sender: Sender, domain: Domain, channel: grpc.aio.Channel
) -> None:
    link = Caller(channel, await a_link(sender.database, domain))
    test = SendTestEmailRequest(domain_id=str(domain.claim_id), to=f"ada@{domain.name}", request_id="order-7")

    tried = (await link.emails.SendTestEmail(test)).email
    sent = await caller.send(f"agent@{domain.name}", request_id="order-7")

    assert sent.id != tried.id
    assert (await link.emails.SendTestEmail(test)).email.id == tried.id


async def test_a_link_sees_only_test_emails_whatever_the_tags(
    caller: Caller, sender: Sender, domain: Domain, channel: grpc.aio.Channel
) -> None:
    link = Caller(channel, await a_link(sender.database, domain))
    disguised = await caller.send(f"agent@{domain.name}", tags={"letterhead": "test-email"})
    test = SendTestEmailRequest(domain_id=str(domain.claim_id), to=f"ada@{domain.name}")
    tried = (await caller.emails.SendTestEmail(test)).email

    assert (await link.emails.GetEmail(GetEmailRequest(email_id=tried.id))).email.id == tried.id
    hidden = await refused(link.emails.GetEmail(GetEmailRequest(email_id=disguised.id)))
    absent = await refused(link.emails.GetEmail(GetEmailRequest(email_id=str(uuid4()))))
    assert (hidden.code, hidden.reason, hidden.message) == (absent.code, absent.reason, absent.message)


async def test_a_tag_may_not_use_a_reserved_name(caller: Caller, domain: Domain) -> None:
    for name in ("lh-tenant", "LH-Email"):
        rejection = await refused(
            caller.emails.SendEmail(a_request(f"agent@{domain.name}", tags={name: str(uuid4())}))
        )
        assert rejection.code == grpc.StatusCode.INVALID_ARGUMENT
        assert rejection.fields.keys() == {f"tags[{name!r}]"}
