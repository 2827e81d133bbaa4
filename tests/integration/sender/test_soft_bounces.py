"""An address that soft-bounces on three days of a week is suppressed for two weeks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.sender.v1.emails_pb2 import Email, GetEmailRequest, Recipient
from letterhead.sender.v1.suppressions_pb2 import (
    AddSuppressionRequest,
    ListSuppressionsRequest,
    RemoveSuppressionRequest,
    Suppression,
)
from tests.factories import Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.integration.sender.feedback_source import FeedbackSource, open_feedback_source
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

READER = "reader@example.com"
FULL: dict[str, Any] = {"bounce_type": "Transient", "bounce_sub_type": "MailboxFull", "hard": False}
DAY = timedelta(days=1)


@pytest.fixture
async def feedback_source(stream: FreshStream) -> AsyncIterator[FeedbackSource]:
    async with open_feedback_source(stream) as feedback_source:
        yield feedback_source


@pytest.fixture
async def email(caller: Caller, domain: Domain) -> Email:
    return await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SENT)


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - days * DAY


async def listed(caller: Caller) -> list[Suppression]:
    answer = await caller.suppressions.ListSuppressions(ListSuppressionsRequest())
    return list(answer.suppressions)


async def counted(database: FreshDatabase, days: int) -> None:
    """Wait until so many days with a soft bounce are stored."""

    async def stored() -> bool:
        return len(await database.fetch("SELECT FROM sender.soft_bounces")) == days

    await eventually(stored)


async def bounced_on(
    feedback_source: FeedbackSource, database: FreshDatabase, email: Email, *times: datetime
) -> None:
    for number, time in enumerate(times, 1):
        await feedback_source.of(email, "bounce", READER, at=time, **FULL)
        await counted(database, number)


async def test_soft_bounces_on_three_days_suppress_an_address_for_two_weeks(  # noqa: PLR0917 - fixtures
    caller: Caller, sender: Sender, domain: Domain, email: Email, feedback_source: FeedbackSource,
    database: FreshDatabase,
) -> None:  # fmt: skip
    await bounced_on(feedback_source, database, email, days_ago(6), days_ago(3), days_ago(0))

    [added] = await sender.events("suppression.added")
    [suppression] = await listed(caller)
    assert (suppression.address, suppression.reason) == (READER, SuppressionReason.SUPPRESSION_REASON_BOUNCE)
    assert suppression.email_id == email.id
    ends = suppression.expire_time.ToDatetime(UTC)
    assert abs(ends - datetime.now(UTC) - 14 * DAY) < timedelta(minutes=5)
    assert added["data"]["expireTime"] == suppression.expire_time.ToJsonString()
    assert not await database.fetch("SELECT FROM sender.strikes")  # soft bounces are not strikes
    await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SUPPRESSED)

    await database.execute("UPDATE sender.suppressions SET expires_at = now()")
    assert not await listed(caller)
    await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SENT)


async def test_soft_bounces_on_one_day_or_over_a_long_time_suppress_nobody(
    caller: Caller, email: Email, feedback_source: FeedbackSource, database: FreshDatabase
) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0) - DAY
    for hours in range(5):
        await feedback_source.of(email, "bounce", READER, at=noon + timedelta(hours=hours), **FULL)
    await feedback_source.of(email, "bounce", READER, at=noon - 8 * DAY, **FULL)
    await feedback_source.of(email, "bounce", READER, at=noon - 9 * DAY, **FULL)

    await counted(database, 3)
    assert not await listed(caller)


async def test_a_delivery_resets_the_count(
    caller: Caller, email: Email, feedback_source: FeedbackSource, database: FreshDatabase
) -> None:
    await bounced_on(feedback_source, database, email, days_ago(3), days_ago(2))
    await feedback_source.of(email, "delivery", READER, at=days_ago(1))
    await counted(database, 0)

    await feedback_source.of(email, "bounce", READER, at=days_ago(0), **FULL)

    await counted(database, 1)
    assert not await listed(caller)


async def test_a_hard_bounce_makes_a_temporary_suppression_permanent(
    caller: Caller, email: Email, feedback_source: FeedbackSource, database: FreshDatabase
) -> None:
    await bounced_on(feedback_source, database, email, days_ago(2), days_ago(1), days_ago(0))
    [temporary] = await listed(caller)

    await feedback_source.of(email, "bounce", READER)

    async def permanent() -> bool:
        [suppression] = await listed(caller)
        return suppression.id != temporary.id and not suppression.HasField("expire_time")

    await eventually(permanent)
    again = (await caller.suppressions.AddSuppression(AddSuppressionRequest(address=READER))).suppression
    assert again.reason == SuppressionReason.SUPPRESSION_REASON_BOUNCE  # a permanent entry stays


async def test_removing_a_suppression_resets_the_count_of_its_address(
    caller: Caller, email: Email, feedback_source: FeedbackSource, database: FreshDatabase
) -> None:
    await bounced_on(feedback_source, database, email, days_ago(3), days_ago(2), days_ago(1))
    [temporary] = await listed(caller)

    await caller.suppressions.RemoveSuppression(RemoveSuppressionRequest(suppression_id=temporary.id))
    await counted(database, 0)
    await feedback_source.of(email, "bounce", READER, at=days_ago(0), **FULL)

    await counted(database, 1)
    assert not await listed(caller)


async def test_soft_bounces_of_test_emails_do_not_count(
    caller: Caller, domain: Domain, email: Email, feedback_source: FeedbackSource, database: FreshDatabase
) -> None:
    await bounced_on(feedback_source, database, email, days_ago(2), days_ago(1))
    await database.execute("UPDATE sender.emails SET is_test = true WHERE id = $1", UUID(email.id))
    other = await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SENT)

    await feedback_source.of(email, "bounce", READER, at=days_ago(0), **FULL)
    await feedback_source.of(other, "bounce", READER, at=days_ago(2), **FULL)

    async def both_applied() -> bool:
        shown = [await caller.get(each.id) for each in (email, other)]
        return all(each.recipients[0].state == Recipient.STATE_BOUNCED for each in shown)

    await eventually(both_applied)
    assert len(await database.fetch("SELECT FROM sender.soft_bounces")) == 2
    assert not await listed(caller)


async def test_a_bounce_for_an_address_that_the_email_was_not_sent_to_is_shown_and_suppresses_nobody(
    caller: Caller, sender: Sender, email: Email, feedback_source: FeedbackSource
) -> None:
    await feedback_source.of(email, "bounce", "forwarded@elsewhere.example")

    [bounced] = await sender.events("email.bounced")
    assert "recipient" not in bounced["data"]
    shown = (await caller.emails.GetEmail(GetEmailRequest(email_id=email.id))).email
    assert shown.state == State.STATE_SENT
    assert shown.state_message == (
        "Bounced at forwarded@elsewhere.example, which this email was not sent to; a recipient may forward "
        "email there. Nobody was suppressed. The response was: 550 no"
    )
    assert [each.state_message for each in shown.recipients] == [""]
    assert not await listed(caller)
