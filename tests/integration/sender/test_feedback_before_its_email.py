"""SES's events without our tags are stored until the SES message id of their email is known, then applied."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from letterhead.sender.v1.emails_pb2 import Email, Recipient
from letterhead.sender.v1.suppressions_pb2 import ListSuppressionsRequest
from tests.factories import Domain
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.integration.sender.feedback_source import FeedbackSource, open_feedback_source
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

READERS = [f"reader{number}@example.com" for number in range(20)]


@pytest.fixture
async def feedback_source(stream: FreshStream) -> AsyncIterator[FeedbackSource]:
    async with open_feedback_source(stream) as feedback_source:
        yield feedback_source


async def unmatched(database: FreshDatabase, count: int) -> None:
    """Wait until `count` unmatched events are stored."""

    async def now() -> bool:
        assert len(await database.fetch("SELECT FROM sender.unmatched_feedback")) == count
        return True

    await eventually(now)


async def all_bounced(caller: Caller, email: Email) -> Email:
    async def now() -> Email:
        found = await caller.get(email.id)
        assert {each.state for each in found.recipients} == {Recipient.STATE_BOUNCED}
        return found

    return await eventually(now)


async def test_untagged_bounces_of_a_lost_answer_are_applied_when_the_email_is_known(
    caller: Caller, sender: Sender, domain: Domain, feedback_source: FeedbackSource, *, figure: Figure
) -> None:
    await sender.fault("accept_then_500", count=1)
    sent = await caller.send(f"agent@{domain.name}", READERS)
    email = await becomes(caller, sent, State.STATE_UNKNOWN)
    [post] = await sender.posts()
    untagged = Email(tenant_id=email.tenant_id, ses_id=post["message_id"])
    for reader in READERS:
        for _ in range(2):  # each with two event ids
            await feedback_source.of(untagged, "bounce", reader)
    await unmatched(sender.database, 2 * len(READERS))

    began = time.monotonic()
    await sender.receive(post)
    found = await all_bounced(caller, email)

    figure(
        f"feedback before its email: {2 * len(READERS)} untagged events applied "
        f"{time.monotonic() - began:.2f} s after a tagged one named the email"
    )
    assert (found.state, found.ses_id) == (State.STATE_SENT, post["message_id"])
    listed = await caller.suppressions.ListSuppressions(ListSuppressionsRequest())
    assert sorted(each.address for each in listed.suppressions) == sorted(READERS)
    await unmatched(sender.database, 0)


async def test_an_unmatched_event_is_checked_at_growing_intervals(
    caller: Caller, feedback_source: FeedbackSource, database: FreshDatabase
) -> None:
    stranger = Email(tenant_id=str(UUID(int=7)), ses_id="0100-other")
    await feedback_source.of(stranger, "bounce", "reader@example.com")
    await unmatched(database, 1)

    await database.execute(
        "UPDATE sender.unmatched_feedback SET received_at = received_at - interval '1 day', due_at = now()"
    )

    async def delayed() -> bool:
        [row] = await database.fetch("SELECT due_at - now() AS delay FROM sender.unmatched_feedback")
        delay: timedelta = row["delay"]
        return timedelta(minutes=4) < delay <= timedelta(minutes=5)

    await eventually(delayed)
