"""Events about an email describe it completely, and are published once for each recipient that moves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from letterhead.events.v1.email_events_pb2 import BouncedRecipient, EmailReference, LinkTag
from letterhead.sender.v1.emails_pb2 import Address, Email, UpdateEmailRequest
from letterhead.sender.v1.suppressions_pb2 import AddSuppressionRequest
from tests.factories import Domain, a_key, a_tenant
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Json, Sender, State, becomes
from tests.integration.sender.feedback_source import FeedbackSource, open_feedback_source
from tests.stores import FreshDatabase
from tests.streams import FreshStream

ADA, BOB, EVE = "Ada@example.com", "bob@example.com", "eve@example.com"
TEMPORARY: dict[str, Any] = {"bounce_type": "Transient", "bounce_sub_type": "General", "hard": False}


@pytest.fixture
async def feedback_source(stream: FreshStream) -> AsyncIterator[FeedbackSource]:
    async with open_feedback_source(stream) as feedback_source:
        yield feedback_source


def soon(seconds: float) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return found


async def a_full_email(caller: Caller, domain: Domain, **fields: Any) -> Email:
    return await caller.send(
        f"agent@{domain.name}",
        [ADA],
        cc=[Address(address=BOB)],
        bcc=[Address(address=EVE)],
        subject="Your invoice",
        tags={"kind": "invoice"},
        **fields,
    )


def described(email: Email, domain: Domain) -> Json:
    """Return what every event about the email says, before SES accepts it."""
    return {
        "id": email.id,
        "tenantId": email.tenant_id,
        "domainId": str(domain.claim_id),
        "domain": domain.name,
        "from": {"address": f"agent@{domain.name}"},
        "to": [ADA],
        "cc": [BOB],
        "bcc": [EVE],
        "subject": "Your invoice",
        "tags": {"kind": "invoice"},
        "createTime": email.create_time.ToJsonString(),
    }


async def test_every_event_about_an_email_describes_it_completely(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    email = await a_full_email(caller, domain, send_time=soon(1))
    before = described(email, domain) | {"scheduledTime": email.scheduled_time.ToJsonString()}
    [scheduled] = await sender.events("email.scheduled")
    assert scheduled["data"]["email"] == before

    sent = await becomes(caller, email, State.STATE_SENT)
    await feedback_source.of(sent, "delivery", ADA, smtp_response="250 ok")
    await feedback_source.of(sent, "bounce", BOB)

    after = before | {"sesId": sent.ses_id, "messageId": f"<{sent.ses_id}@email.amazonses.com>"}
    for subject in ("email.sent", "email.delivered", "email.bounced"):
        [published] = await sender.events(subject)
        assert published["data"]["email"] == after, subject
        assert published["subject"] == email.id
    fields = {field.json_name for field in EmailReference.DESCRIPTOR.fields}
    assert after.keys() == fields


async def test_only_a_recipient_that_moves_is_published_and_once(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    email = await becomes(caller, await a_full_email(caller, domain), State.STATE_SENT)

    await feedback_source.of(email, "delay", BOB, delay_type="MailboxFull")
    [delayed] = await sender.events("email.delivery_delayed")
    await feedback_source.of(email, "bounce", "ada@example.com", BOB)
    await sender.events("email.bounced", 2)
    await feedback_source.of(email, "bounce", "ada@example.com")  # reported again
    await feedback_source.of(email, "delivery", BOB)  # too late
    await feedback_source.of(email, "delivery", EVE, smtp_response="250 2.0.0 ok")
    [delivered] = await sender.events("email.delivered")

    assert (delayed["data"]["recipient"], delayed["data"]["delayType"]) == (BOB, "MailboxFull")
    bounced = await sender.events("email.bounced", 2)
    kinds = {each["data"].pop("recipient"): each["data"].pop("recipientKind") for each in bounced}
    assert kinds == {ADA: "RECIPIENT_KIND_TO", BOB: "RECIPIENT_KIND_CC"}
    assert delivered["data"]["recipientKind"] == "RECIPIENT_KIND_BCC"
    assert bounced[0]["data"] | {"email": {}, "occurTime": ""} == {
        "email": {}, "occurTime": "", "bounceType": "Permanent", "bounceSubType": "General",
        "status": "5.1.1", "diagnosticCode": "550 no", "hard": True,
    }  # fmt: skip
    assert (delivered["data"]["recipient"], delivered["data"]["smtpResponse"]) == (EVE, "250 2.0.0 ok")


async def test_an_automatic_reply_is_no_bounce(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    email = await becomes(caller, await a_full_email(caller, domain), State.STATE_SENT)

    await feedback_source.of(email, "bounce", recipients=[BouncedRecipient(address=ADA)], **TEMPORARY)
    await feedback_source.of(email, "bounce", BOB, **TEMPORARY)

    [bounced] = await sender.events("email.bounced")
    assert bounced["data"]["recipient"] == BOB


async def test_an_open_names_the_recipient_only_if_there_is_one(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    one = await becomes(caller, await caller.send(f"agent@{domain.name}", ADA), State.STATE_SENT)
    several = await becomes(caller, await a_full_email(caller, domain), State.STATE_SENT)

    await feedback_source.of(one, "open")
    await feedback_source.of(several, "click", link="https://example.com/a")

    [opened], [clicked] = await sender.events("email.opened"), await sender.events("email.clicked")
    assert (opened["data"]["recipient"], opened["data"]["recipientKind"]) == (ADA, "RECIPIENT_KIND_TO")
    assert not {"recipient", "recipientKind"} & clicked["data"].keys()


async def test_opens_and_clicks_say_who_read_what(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    email = await becomes(caller, await caller.send(f"agent@{domain.name}", ADA), State.STATE_SENT)
    reader: dict[str, Any] = {"ip_address": "203.0.113.9", "user_agent": "Mozilla/5.0"}
    tag = LinkTag(name="campaign", value="spring")

    await feedback_source.of(email, "open", **reader)
    await feedback_source.of(email, "click", **reader, link="https://example.com/a", link_tags=[tag])

    [opened], [clicked] = await sender.events("email.opened"), await sender.events("email.clicked")
    for event in (opened, clicked):
        assert (event["data"]["ipAddress"], event["data"]["userAgent"]) == ("203.0.113.9", "Mozilla/5.0")
    assert clicked["data"]["link"] == "https://example.com/a"
    assert clicked["data"]["linkTags"] == [{"name": "campaign", "value": "spring"}]


async def test_an_email_from_the_shared_sender_says_so(
    channel: grpc.aio.Channel, sender: Sender, database: FreshDatabase, domain: Domain, caller: Caller
) -> None:
    await sender.a_shared_sender()
    tenant_id = await a_tenant(database, "Mnexa", unready_policy="SHARED")
    pending = await sender.a_pending_domain(tenant_id)
    other = Caller(channel, await a_key(database, tenant_id))

    shared = await becomes(other, await other.send(f"agent@{pending.name}"), State.STATE_SENT)
    own = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)

    published = {each["subject"]: each["data"] for each in await sender.events("email.sent", 2)}
    assert published[shared.id]["email"]["from"] == {"address": f"agent@{pending.name}"}
    assert published[shared.id]["sentFrom"] == {"address": "agent@send.e2a.dev", "name": "Mnexa via e2a"}
    assert (published[shared.id]["sentAs"], published[own.id]["sentAs"]) == ("SENT_AS_SHARED", "SENT_AS_OWN")
    assert "sentFrom" not in published[own.id]


async def test_a_rejection_is_published_for_each_recipient_and_the_failure_once(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    email = await becomes(caller, await a_full_email(caller, domain), State.STATE_SENT)

    await feedback_source.of(email, "reject")
    await becomes(caller, email, State.STATE_FAILED)
    await feedback_source.of(email, "reject")

    rejected = await sender.events("email.rejected", 3)
    assert {each["data"]["recipient"] for each in rejected} == {ADA, BOB, EVE}
    [failed] = await sender.events("email.failed")
    assert failed["data"]["reason"] == "EMAIL_REASON_CONTENT_REJECTED"
    assert failed["data"]["parameters"] == {"sesMessage": "Bad content"}


async def test_a_rescheduled_email_is_published_again_with_its_new_time(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    email, later = await a_full_email(caller, domain, send_time=soon(3600)), soon(7200)

    for _ in range(2):  # the second changes nothing
        await caller.emails.UpdateEmail(UpdateEmailRequest(email_id=email.id, send_time=later))

    published = await sender.events("email.scheduled", 2)
    times = sorted(each["data"]["email"]["scheduledTime"] for each in published)
    assert times == [email.scheduled_time.ToJsonString(), later.ToJsonString()]


async def test_a_suppressed_recipient_is_neither_rejected_nor_in_the_way_of_an_open(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    await caller.suppressions.AddSuppression(AddSuppressionRequest(address=BOB))
    opened = await becomes(caller, await caller.send(f"agent@{domain.name}", [ADA, BOB]), State.STATE_SENT)
    rejected = await becomes(caller, await caller.send(f"agent@{domain.name}", [BOB, EVE]), State.STATE_SENT)

    await feedback_source.of(opened, "open")
    await feedback_source.of(rejected, "reject")
    await becomes(caller, rejected, State.STATE_FAILED)

    [first], [second] = await sender.events("email.opened"), await sender.events("email.rejected")
    assert (first["data"]["recipient"], second["data"]["recipient"]) == (ADA, EVE)


async def test_feedback_names_the_message_that_it_is_about(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    """An email that was sent once more has two messages, and only one of their ids is stored."""
    email = await becomes(caller, await caller.send(f"agent@{domain.name}", ADA), State.STATE_SENT)

    await feedback_source.of(email, "delivery", ADA, ses_id="0100-the-other")

    [delivered] = await sender.events("email.delivered")
    assert delivered["data"]["email"]["messageId"] == "<0100-the-other@email.amazonses.com>"
