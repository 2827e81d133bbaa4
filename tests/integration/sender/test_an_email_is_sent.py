"""An email is sent once, from its own domain or the shared sender, and its outcome can be read."""

import grpc

from chassis.access import Scope
from letterhead.events.v1.sent_as_pb2 import SentAs
from letterhead.sender.v1.emails_pb2 import (
    Address,
    CancelEmailRequest,
    GetEmailRequest,
    ListEmailsRequest,
    SendEmailsRequest,
    SendTestEmailRequest,
    UpdateEmailRequest,
)
from tests.factories import Domain, a_key, a_tenant
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Json, Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def test_an_email_is_sent_from_its_own_domain(caller: Caller, sender: Sender, domain: Domain) -> None:
    address = f"agent@{domain.name}"

    accepted = await caller.send(
        address, html="<p>Good day.</p>", tags={"kind": "greeting", "category": "welcome"}
    )
    email = await becomes(caller, accepted, State.STATE_SENT)

    assert accepted.state == State.STATE_QUEUED
    assert (email.sent_as, email.sent_from) == (SentAs.SENT_AS_OWN, address)
    [post] = await sender.posts()
    assert email.ses_id == post["message_id"]
    assert post["email_tags"]["lh-email"] == email.id
    assert (post["email_tags"]["category"], "kind" in post["email_tags"]) == ("welcome", False)
    [arrived] = await eventually(lambda: delivered(sender))
    assert (arrived["from"], arrived["subject"]) == (address, "Hello")
    [event] = await sender.events("email.sent")
    assert event["data"]["email"]["tags"] == {"kind": "greeting", "category": "welcome"}
    history = [State.STATE_QUEUED, State.STATE_SENDING, State.STATE_SENT]
    assert [each.state for each in email.history] == history


async def test_every_recipient_gets_the_email_and_bcc_is_hidden(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    accepted = await caller.send(
        f"agent@{domain.name}",
        ["one@example.com", "two@example.com"],
        cc=[Address(address="cc@example.com", name="Zoë")],
        bcc=[Address(address="bcc@example.com")],
        reply_to=[Address(address="help@example.com")],
        headers={"X-Order": "17", "References": "<a@example.com> <b@example.com>"},
        subject="Grüße",
        html="<p>Gruß</p>",
    )

    await becomes(caller, accepted, State.STATE_SENT)
    [email] = await eventually(lambda: delivered(sender))

    assert set(email["envelope_to"]) == {f"{name}@example.com" for name in ("one", "two", "cc", "bcc")}
    assert b"bcc@" not in (await sender.internet.control.raw(email["id"])).lower()
    assert (email["subject"], email["reply_to"]) == ("Grüße", "help@example.com")
    assert (email["text"].strip(), email["html"].strip()) == ("Good day.", "<p>Gruß</p>")


async def delivered(sender: Sender) -> list[Json]:
    """Return the emails that arrived, with their bodies."""
    emails = await sender.internet.control.emails()
    return [await sender.internet.control.email(each["id"]) for each in emails]


async def test_email_of_a_domain_that_is_not_ready_is_sent_by_the_shared_sender(
    sender: Sender, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    await sender.a_shared_sender()
    tenant_id = await a_tenant(database, "Mnexa", unready_policy="SHARED")
    domain = await sender.a_pending_domain(tenant_id)
    caller = Caller(channel, await a_key(database, tenant_id))

    accepted = await caller.send(f"agent@{domain.name}")
    email = await becomes(caller, accepted, State.STATE_SENT)

    assert email.sent_as == SentAs.SENT_AS_SHARED
    assert email.sent_from == '"Mnexa via e2a" <agent@send.e2a.dev>'
    [arrived] = await eventually(lambda: delivered(sender))
    assert (arrived["from"], arrived["reply_to"]) == (email.sent_from, f"agent@{domain.name}")


async def test_emails_of_another_tenant_are_not_found(
    caller: Caller, domain: Domain, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    email = await caller.send(f"agent@{domain.name}")
    stranger = Caller(channel, await a_key(database, await a_tenant(database)))

    for email_id in (email.id, "00000000-0000-7000-8000-000000000000", "no id", ""):
        rejection = await refused(stranger.emails.GetEmail(GetEmailRequest(email_id=email_id)))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "EMAIL_NOT_FOUND")
    assert not (await stranger.emails.ListEmails(ListEmailsRequest())).emails
    listing = ListEmailsRequest(tenant_id=email.tenant_id)
    assert (await refused(stranger.emails.ListEmails(listing))).reason == "TENANT_NOT_FOUND"


async def test_a_list_continues_after_or_before_an_email(caller: Caller, domain: Domain) -> None:
    made = [(await caller.send(f"agent@{domain.name}")).id for _ in range(4)]

    older = await caller.emails.ListEmails(ListEmailsRequest(after_id=made[3], page_size=2))
    newer = await caller.emails.ListEmails(ListEmailsRequest(before_id=made[0], page_size=2))

    assert [email.id for email in older.emails] == [made[2], made[1]]
    assert [email.id for email in newer.emails] == [made[2], made[1]]
    assert older.next_page_token
    assert newer.next_page_token


async def test_an_operator_sees_the_emails_of_every_tenant(
    caller: Caller, domain: Domain, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    email = await caller.send(f"agent@{domain.name}")
    operator = Caller(channel, await a_key(database, await a_tenant(database), Scope.ADMIN))

    assert (await operator.get(email.id)).id == email.id
    listed = await operator.emails.ListEmails(ListEmailsRequest(tenant_id=email.tenant_id))
    assert [each.id for each in listed.emails] == [email.id]


async def test_an_operator_lists_the_emails_of_all_tenants_by_state(
    caller: Caller, domain: Domain, sender: Sender, channel: grpc.aio.Channel
) -> None:
    elsewhere = await sender.a_ready_domain(await a_tenant(sender.database))
    other = Caller(channel, await a_key(sender.database, elsewhere.tenant_id))
    made = [
        await caller.send(f"agent@{domain.name}"),
        await other.send(f"agent@{elsewhere.name}"),
        await caller.send(f"agent@{domain.name}"),
    ]
    for email in made:
        await becomes(caller if email.tenant_id == made[0].tenant_id else other, email, State.STATE_SENT)
    operator = Caller(channel, await a_key(sender.database, await a_tenant(sender.database), Scope.ADMIN))

    everything = ListEmailsRequest(all_tenants=True, states=[State.STATE_SENT], page_size=2)
    first = await operator.emails.ListEmails(everything)
    everything.page_token = first.next_page_token
    second = await operator.emails.ListEmails(everything)

    listed = [*first.emails, *second.emails]
    assert [email.id for email in listed] == [email.id for email in reversed(made)]
    held = ListEmailsRequest(all_tenants=True, states=[State.STATE_HELD])
    assert not (await operator.emails.ListEmails(held)).emails
    rejection = await refused(caller.emails.ListEmails(held))
    assert (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")
    both = ListEmailsRequest(all_tenants=True, tenant_id=domain.tenant_id.hex)
    assert (await refused(operator.emails.ListEmails(both))).fields.keys() == {"all_tenants"}


async def test_a_sending_key_can_only_send(sender: Sender, domain: Domain, channel: grpc.aio.Channel) -> None:
    sending = Caller(channel, await a_key(sender.database, domain.tenant_id, Scope.SENDING_ACCESS))

    sent = await sending.send(f"agent@{domain.name}")
    batch = SendEmailsRequest(emails=[a_request(f"agent@{domain.name}")])
    assert (await sending.emails.SendEmails(batch)).results[0].email.id

    for call in (
        sending.emails.GetEmail(GetEmailRequest(email_id=sent.id)),
        sending.emails.ListEmails(ListEmailsRequest()),
        sending.emails.CancelEmail(CancelEmailRequest(email_id=sent.id)),
        sending.emails.UpdateEmail(UpdateEmailRequest(email_id=sent.id)),
        sending.emails.SendTestEmail(SendTestEmailRequest(domain_id=str(domain.claim_id), to="a@b.com")),
    ):
        rejection = await refused(call)
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")


async def test_a_full_access_key_restricted_to_a_domain_sees_only_its_emails(
    caller: Caller, sender: Sender, domain: Domain, channel: grpc.aio.Channel
) -> None:
    tenant_id = domain.tenant_id
    other = await sender.a_ready_domain(tenant_id)
    claims = (domain.claim_id,)
    restricted = Caller(channel, await a_key(sender.database, tenant_id, claim_ids=claims))

    own = await restricted.send(f"agent@{domain.name}")
    foreign = await caller.send(f"agent@{other.name}")

    listed = await restricted.emails.ListEmails(ListEmailsRequest())
    assert [each.id for each in listed.emails] == [own.id]
    assert (
        await refused(restricted.emails.GetEmail(GetEmailRequest(email_id=foreign.id)))
    ).reason == "EMAIL_NOT_FOUND"


async def test_emails_are_listed_newest_first_with_pages_and_a_state_filter(
    caller: Caller, domain: Domain
) -> None:
    sent = [await caller.send(f"agent@{domain.name}", subject=str(number)) for number in range(5)]
    for email in sent:
        await becomes(caller, email, State.STATE_SENT)

    listed, token = [], ""
    while True:
        request = ListEmailsRequest(page_size=2, page_token=token, states=[State.STATE_SENT])
        page = await caller.emails.ListEmails(request)
        listed += page.emails
        if not (token := page.next_page_token):
            break

    assert [each.subject for each in listed] == ["4", "3", "2", "1", "0"]
    assert [len(each.recipients) for each in listed] == [1] * 5
    assert {each.text for each in listed} == {""}
    assert not (await caller.emails.ListEmails(ListEmailsRequest(states=[State.STATE_HELD]))).emails


async def test_invalid_page_tokens_and_states_are_rejected(caller: Caller) -> None:
    for token in ("garbage", "WyJkb21haW5zIiwgIngiXQ", "a" * 3000):
        rejection = await refused(caller.emails.ListEmails(ListEmailsRequest(page_token=token)))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")

    request = ListEmailsRequest()
    request.states.append(99)  # type: ignore[arg-type] # a state of a newer client
    unknown = await refused(caller.emails.ListEmails(request))
    assert unknown.fields.keys() == {"states"}
