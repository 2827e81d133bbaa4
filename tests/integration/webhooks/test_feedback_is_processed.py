"""From SES's topic to feedback and events: stored raw first, and published once."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.factories import an_attempt
from tests.integration.webhooks.conftest import FeedbackPath, Webhooks
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.unit.webhooks.ses_events import SentEmail, as_notification, envelope
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("channel")


async def count(database: FreshDatabase, what: str) -> int:
    (row,) = await database.fetch(f"SELECT count(*) FROM webhooks.{what}")  # noqa: S608 - the argument is a literal of this file
    number: int = row["count"]
    return number


async def all_processed(database: FreshDatabase, feedback_path: FeedbackPath, *, arrived: int) -> None:
    """Wait until so many notifications are processed, their events published, and the queue is empty."""

    async def quiet() -> bool:
        return (
            await count(database, "notifications WHERE processed_at IS NOT NULL") == arrived
            and await count(database, "outbox WHERE published_at IS NULL") == 0
            and await feedback_path.in_queue() == 0
        )

    await eventually(quiet, within=timedelta(seconds=20))


async def test_a_repeated_bounce_is_published_once(
    feedback_path: FeedbackPath, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    repeated = envelope(email.bounce(), feedback_path.topic_arn, "the-same-sns-id")

    await feedback_path.publish(email.bounce(), email.bounce(), as_notification(email.bounce()))
    await feedback_path.put(repeated, repeated)

    await all_processed(database, feedback_path, arrived=4)
    (published,) = await stream.published("bounce.received")
    described = published["data"]["email"]
    assert described["id"] == str(email.email_id)
    assert (described["from"], described["subject"]) == ({"address": "agent@example.com"}, "Hello")
    assert described["messageId"].startswith(f"<{email.ses_id}@")
    assert published["subject"] == str(email.email_id)
    assert published["tenantid"] == str(email.tenant_id)
    assert published["data"]["hard"]
    assert await count(database, "feedback") == 1


async def test_every_kind_is_stored_and_published_if_it_has_an_event(
    feedback_path: FeedbackPath, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    events = [*email.every_kind(), email.event("Teleport", "teleport", {"to": "Mars"})]

    await feedback_path.publish(*events)

    await all_processed(database, feedback_path, arrived=11)
    kinds = {row["kind"] for row in await database.fetch("SELECT kind FROM webhooks.feedback")}
    assert kinds == {
        "SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "OPEN", "CLICK", "DELAY",
        "RENDERING_FAILURE", "SUBSCRIPTION", "UNSPECIFIED",
    }  # fmt: skip
    subjects = sorted(event["type"] for event in await stream.published())
    assert subjects == [
        "bounce.received", "click.received", "complaint.received", "delay.received", "delivery.received",
        "open.received", "reject.received", "rendering.failed",
    ]  # fmt: skip


async def test_a_send_notifies_sender_and_is_readable_as_evidence(
    feedback_path: FeedbackPath, database: FreshDatabase
) -> None:
    email = SentEmail()
    received: list[str] = []
    connection = await asyncpg.connect(database.url("sender"))
    await connection.add_listener("webhooks_feedback", lambda *arguments: received.append(arguments[-1]))

    await feedback_path.publish(email.send(), email.delivery())

    await all_processed(database, feedback_path, arrived=2)
    await eventually(lambda: received)
    rows = await connection.fetch(
        "SELECT kind, ses_id FROM webhooks.feedback WHERE attempt_id = $1", email.attempt_id
    )
    assert ("SEND", email.ses_id) in [tuple(row) for row in rows]
    await connection.close()


async def test_a_message_of_a_forged_topic_is_rejected(
    feedback_path: FeedbackPath, database: FreshDatabase
) -> None:
    forged = "arn:aws:sns:us-east-1:666666666666:letterhead-feedback"

    await feedback_path.put(
        envelope(SentEmail().bounce(), forged), envelope(SentEmail().bounce(), feedback_path.topic_arn)
    )

    await all_processed(database, feedback_path, arrived=1)
    (row,) = await database.fetch("SELECT topic_arn FROM webhooks.notifications")
    assert row["topic_arn"] == feedback_path.topic_arn
    assert await count(database, "feedback") == 1


async def test_malformed_events_are_stored_with_their_problem_and_block_nothing(
    feedback_path: FeedbackPath, database: FreshDatabase
) -> None:
    hostile: dict[str, Any] = SentEmail().bounce()
    hostile["bounce"]["bouncedRecipients"] += [{"emailAddress": "a\0b\ud800@example.com", "status": 1e400}]
    raw = SentEmail().delivery()

    await feedback_path.put("Successfully validated SNS topic", json.dumps(raw))
    await feedback_path.publish({"eventType": "Bounce"}, hostile, SentEmail().click())

    await all_processed(database, feedback_path, arrived=5)
    rows = await database.fetch(
        "SELECT body, problem FROM webhooks.notifications WHERE problem <> '' ORDER BY problem"
    )
    assert [row["problem"].partition(":")[0] for row in rows] == [
        "Not email addresses",  # the other recipient is processed
        "The event is not JSON",
        "The event names no email",
    ]
    assert await count(database, "feedback") == 3


async def test_feedback_that_postgres_rejects_does_not_block_the_rest(
    feedback_path: FeedbackPath, database: FreshDatabase
) -> None:
    poison, good = SentEmail(ses_id="poison"), SentEmail()
    await database.execute("ALTER TABLE webhooks.feedback ADD CONSTRAINT refuses CHECK (ses_id <> 'poison')")

    await feedback_path.publish(poison.bounce(), good.bounce())

    async def given_up() -> bool:
        await database.execute("UPDATE webhooks.notifications SET leased_until = NULL")
        return await count(database, "notifications WHERE problem LIKE '%could not be stored%'") == 1

    await eventually(given_up)
    await all_processed(database, feedback_path, arrived=2)
    (feedback_event,) = await database.fetch("SELECT ses_id FROM webhooks.feedback")
    assert feedback_event["ses_id"] == good.ses_id


async def test_replicas_share_the_work_and_publish_each_event_once(
    feedback_path: FeedbackPath, webhooks: Webhooks, database: FreshDatabase, stream: FreshStream
) -> None:
    emails = [SentEmail() for _ in range(30)]

    async with webhooks.start():
        await feedback_path.publish(
            *(email.delivery() for email in emails), *(email.delivery() for email in emails)
        )
        await all_processed(database, feedback_path, arrived=60)

    published = await stream.published("delivery.received")
    assert sorted(event["subject"] for event in published) == sorted(str(email.email_id) for email in emails)


async def test_feedback_whose_tags_match_no_submission_is_not_attributed(
    feedback_path: FeedbackPath, database: FreshDatabase, stream: FreshStream
) -> None:
    """Anyone can write our tags, so feedback belongs to a tenant only according to sender's own rows."""
    theirs, mine = SentEmail(), SentEmail()
    await an_attempt(database, theirs.tenant_id, theirs.email_id, theirs.attempt_id, ses_id=theirs.ses_id)
    await an_attempt(database, mine.tenant_id, mine.email_id, mine.attempt_id)
    forged = {
        "of no row": SentEmail(),
        "an email of another tenant": replace(mine, email_id=theirs.email_id),
        "another tenant of an email": replace(mine, tenant_id=theirs.tenant_id),
        "an attempt at another email": replace(mine, attempt_id=theirs.attempt_id),
        "an email that SES knows by another id": replace(theirs, ses_id=f"{uuid4()}"),
    }

    await feedback_path.publish_alone(*(each.bounce() for each in forged.values()))

    await all_processed(database, feedback_path, arrived=len(forged))
    rows = await database.fetch("SELECT tenant_id, email_id, attempt_id FROM webhooks.feedback")
    assert {tuple(row) for row in rows} == {(None, None, None)}
    published = await stream.published("bounce.received")
    assert {each.get("tenantid") for each in published} == {None}
    assert {each["data"]["email"].get("id") for each in published} == {None}


async def test_a_bounce_without_tags_names_the_email_that_has_its_ses_id(
    feedback_path: FeedbackPath, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    await an_attempt(database, email.tenant_id, email.email_id, email.attempt_id, ses_id=email.ses_id)

    await feedback_path.publish_alone(as_notification(email.bounce()))

    await all_processed(database, feedback_path, arrived=1)
    (event,) = await stream.published("bounce.received")
    assert event["data"]["email"]["id"] == str(email.email_id)
    assert event["tenantid"] == str(email.tenant_id)


async def test_a_bounce_without_tags_waits_for_the_format_with_tags(
    feedback_path: FeedbackPath, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    await an_attempt(database, email.tenant_id, email.email_id, email.attempt_id)
    await feedback_path.publish_alone(as_notification(email.bounce()))
    await eventually(feedback_path.is_empty)

    await feedback_path.publish_alone(email.bounce())

    await all_processed(database, feedback_path, arrived=2)
    (event,) = await stream.published("bounce.received")
    assert event["data"]["email"]["id"] == str(email.email_id)


async def test_a_bounce_stored_before_its_email_was_known_is_completed(
    feedback_path: FeedbackPath, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    await feedback_path.publish_alone(as_notification(email.bounce()))
    await eventually(feedback_path.is_empty)
    await database.execute(
        "UPDATE webhooks.notifications SET received_at = received_at - interval '1 minute'"
    )
    await all_processed(database, feedback_path, arrived=1)

    await feedback_path.publish(email.bounce())

    await all_processed(database, feedback_path, arrived=2)
    anonymous, complete = await stream.published("bounce.received")
    assert "id" not in anonymous["data"]["email"]
    assert complete["data"]["email"]["id"] == str(email.email_id)
    assert await count(database, "feedback") == 1


async def test_feedback_is_attributed_to_an_email_whose_attempt_a_restored_database_lost(
    feedback_path: FeedbackPath, database: FreshDatabase
) -> None:
    email = SentEmail()
    await an_attempt(database, email.tenant_id, email.email_id, uuid4())

    await feedback_path.publish_alone(email.delivery())

    await all_processed(database, feedback_path, arrived=1)
    [row] = await database.fetch("SELECT tenant_id, email_id, attempt_id FROM webhooks.feedback")
    assert tuple(row) == (email.tenant_id, email.email_id, None)
