"""SES's events move recipients forward and suppress addresses that bounced or complained."""

import itertools
from collections.abc import AsyncIterator

import grpc
import pytest

from letterhead.events.v1.email_reason_pb2 import EmailReason
from letterhead.sender.v1.emails_pb2 import Email, Recipient
from letterhead.sender.v1.suppressions_pb2 import ListSuppressionsRequest
from tests.factories import Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Json, Sender, State, becomes
from tests.integration.sender.feedback_source import FeedbackSource, open_feedback_source
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

READER = "reader@example.com"


@pytest.fixture
async def feedback_source(stream: FreshStream) -> AsyncIterator[FeedbackSource]:
    async with open_feedback_source(stream) as feedback_source:
        yield feedback_source


async def a_sent_email(caller: Caller, domain: Domain, *to: str) -> Email:
    return await becomes(caller, await caller.send(f"agent@{domain.name}", list(to)), State.STATE_SENT)


async def reaches(caller: Caller, email: Email, *states: str) -> Email:
    """Wait until the recipients are in these states, in order."""

    async def now() -> Email:
        found = await caller.get(email.id)
        names = [Recipient.State.Name(each.state).removeprefix("STATE_") for each in found.recipients]
        assert names == list(states)
        return found

    return await eventually(now)


async def suppressed(caller: Caller) -> list[str]:
    listed = await caller.suppressions.ListSuppressions(ListSuppressionsRequest())
    return [each.address for each in listed.suppressions]


async def test_a_bounce_suppresses_its_recipient_and_the_next_email_is_not_posted(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    email = await a_sent_email(caller, domain, "Reader@example.com", "other@example.com")

    await feedback_source.of(email, "bounce", READER)

    bounced = await reaches(caller, email, "BOUNCED", "PENDING")
    [recipient, _] = bounced.recipients
    assert recipient.state_reason == EmailReason.EMAIL_REASON_BOUNCED
    assert "550 no" in recipient.state_parameters.response
    assert recipient.state_parameters.response in recipient.state_message
    assert await suppressed(caller) == [READER]
    listed = await caller.suppressions.ListSuppressions(ListSuppressionsRequest())
    [entry] = listed.suppressions
    assert (entry.note, entry.message) == ("", recipient.state_message)
    assert entry.parameters == recipient.state_parameters
    [event] = await sender.events("suppression.added")
    assert event["data"] == {
        "tenantId": email.tenant_id,
        "address": READER,
        "reason": "SUPPRESSION_REASON_BOUNCE",
        "emailId": email.id,
        "suppressionId": entry.id,
    }
    second = await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SUPPRESSED)
    assert second.recipients[0].state == Recipient.STATE_SUPPRESSED
    [published] = await sender.events("email.suppressed")
    assert published["data"]["recipients"] == [READER]
    assert len(await sender.posts()) == 1


async def test_an_email_is_sent_without_its_suppressed_recipients(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    await feedback_source.of(await a_sent_email(caller, domain, READER), "complaint", READER)
    await eventually(lambda: suppressed(caller))

    email = await a_sent_email(caller, domain, READER, "other@example.com")

    await reaches(caller, email, "SUPPRESSED", "PENDING")

    async def arrived() -> list[Json]:
        return await sender.internet.control.emails(to="other@example.com")

    await eventually(arrived)
    assert len(await sender.internet.control.emails(to=READER)) == 2  # the header still names both
    await feedback_source.of(email, "delivery", READER, "other@example.com")
    await reaches(caller, email, "SUPPRESSED", "DELIVERED")


KINDS = ("delay", "delivery", "bounce", "complaint")


async def test_the_order_of_events_does_not_matter(
    caller: Caller, domain: Domain, feedback_source: FeedbackSource
) -> None:
    orders = list(itertools.permutations(KINDS))
    email = await a_sent_email(caller, domain, *(f"reader{number}@example.com" for number in range(24)))

    for number, order in enumerate(orders):
        for kind in (*order, *order):  # every event twice
            await feedback_source.of(email, kind, f"reader{number}@example.com")

    await reaches(caller, email, *["COMPLAINED"] * 24)
    assert len(await suppressed(caller)) == 24


async def test_soft_bounces_uncounted_complaints_and_the_simulator_suppress_no_address(
    caller: Caller, domain: Domain, feedback_source: FeedbackSource, database: FreshDatabase
) -> None:
    simulated = "bounce@simulator.amazonses.com"
    email = await a_sent_email(
        caller, domain, "echo@example.com", "soft@example.com", "not@example.com", simulated
    )

    await feedback_source.of(email, "bounce", "echo@example.com", hard=False, bounce_sub_type="Suppressed")
    await feedback_source.of(email, "bounce", "soft@example.com", hard=False, bounce_type="Transient")
    await feedback_source.of(email, "complaint", "not@example.com", counted=False, feedback_type="not-spam")
    await feedback_source.of(email, "bounce", simulated)

    await reaches(caller, email, "BOUNCED", "BOUNCED", "PENDING", "BOUNCED")
    assert await suppressed(caller) == []


async def test_feedback_with_a_foreign_address_or_tenant_changes_nothing(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    """One event has an address that the email does not have, another names another tenant."""
    email = await a_sent_email(caller, domain, READER)
    foreign = Email(id=email.id, tenant_id="00000000-0000-7000-8000-000000000000", ses_id=email.ses_id)

    await feedback_source.of(email, "bounce", "stranger@example.com")
    await feedback_source.of(foreign, "bounce", READER)
    await feedback_source.of(email, "delivery", READER)

    await reaches(caller, email, "DELIVERED")
    assert await suppressed(caller) == []


async def test_an_event_without_our_tags_is_matched_by_the_ses_message_id(
    caller: Caller, domain: Domain, feedback_source: FeedbackSource
) -> None:
    email = await a_sent_email(caller, domain, READER)
    untagged = Email(tenant_id=email.tenant_id, ses_id=email.ses_id)

    await feedback_source.of(untagged, "delivery", READER)

    await reaches(caller, email, "DELIVERED")


async def test_an_event_before_the_answer_proves_that_ses_accepted(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource
) -> None:
    await sender.fault("accept_then_500", count=1)
    email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_UNKNOWN)
    [post] = await sender.posts()

    await feedback_source.of(email, "delivery", READER, ses_id=post["message_id"])

    await reaches(caller, email, "DELIVERED")
    resolved = await becomes(caller, email, State.STATE_SENT)  # a periodic task resolves it by the event
    assert resolved.ses_id == post["message_id"]


@pytest.mark.parametrize("kind", ["reject", "rendering"])
async def test_an_email_rejected_after_its_acceptance_fails_and_stays_failed(
    caller: Caller, domain: Domain, feedback_source: FeedbackSource, kind: str
) -> None:
    email = await a_sent_email(caller, domain, READER)

    await feedback_source.of(email, kind)
    failed = await becomes(caller, email, State.STATE_FAILED)
    await feedback_source.of(email, "delay", READER)

    reason = {
        "reject": EmailReason.EMAIL_REASON_CONTENT_REJECTED,
        "rendering": EmailReason.EMAIL_REASON_RENDERING_FAILED,
    }[kind]
    assert (failed.state_reason, failed.state_parameters.ses_message) == (reason, "Bad content")
    assert "Bad content" in failed.state_message
    assert (await reaches(caller, email, "DELAYED")).state == State.STATE_FAILED


async def test_an_event_about_an_unknown_email_is_skipped(
    caller: Caller,
    domain: Domain,
    feedback_source: FeedbackSource,
    database: FreshDatabase,
    channel: grpc.aio.Channel,
) -> None:
    email = await a_sent_email(caller, domain, READER)
    unknown = Email(id="00000000-0000-7000-8000-000000000000", tenant_id=email.tenant_id)

    await feedback_source.of(unknown, "bounce", READER)
    await feedback_source.of(Email(tenant_id=email.tenant_id, ses_id="0100-other"), "bounce", READER)
    await feedback_source.of(email, "delivery", READER)

    await reaches(caller, email, "DELIVERED")
    assert await database.fetch("SELECT FROM sender.dead_letters") == []
