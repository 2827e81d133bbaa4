"""From SES's topic to facts and events: kept raw first, told once, whatever else lies in the queue."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.factories import an_attempt
from tests.integration.webhooks.conftest import Way, Webhooks
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.unit.webhooks.ses_events import SentEmail, as_notification, envelope
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("channel")


async def count(database: FreshDatabase, what: str) -> int:
    (row,) = await database.fetch(f"SELECT count(*) FROM webhooks.{what}")  # noqa: S608 - our own words
    number: int = row["count"]
    return number


async def settled(database: FreshDatabase, way: Way, *, arrived: int) -> None:
    """Waits until so many are stored and understood, their events told, and the queue is empty."""

    async def quiet() -> bool:
        return (
            await count(database, "notifications WHERE processed_at IS NOT NULL") == arrived
            and await count(database, "outbox WHERE published_at IS NULL") == 0
            and await way.left() == 0
        )

    await eventually(quiet, within=timedelta(seconds=20))


async def test_a_bounce_is_told_once_however_often_it_is_heard(
    way: Way, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    repeated = envelope(email.bounce(), way.topic_arn, "the-same-sns-id")

    await way.publish(email.bounce(), email.bounce(), as_notification(email.bounce()))
    await way.put(repeated, repeated)

    await settled(database, way, arrived=4)
    (told,) = await stream.published("bounce.received")
    assert told["data"]["email"]["id"] == str(email.email_id)
    assert told["subject"] == str(email.email_id)
    assert told["tenantid"] == str(email.tenant_id)
    assert told["data"]["hard"]
    assert await count(database, "feedback") == 1


async def test_every_kind_is_kept_and_those_with_an_event_are_told(
    way: Way, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    events = [*email.every_kind(), email.event("Teleport", "teleport", {"to": "Mars"})]

    await way.publish(*events)

    await settled(database, way, arrived=11)
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


async def test_a_send_is_told_to_those_who_wait_for_evidence(way: Way, database: FreshDatabase) -> None:
    email = SentEmail()
    heard: list[str] = []
    connection = await asyncpg.connect(database.url("sender"))
    await connection.add_listener("webhooks_feedback", lambda *told: heard.append(told[-1]))

    await way.publish(email.send(), email.delivery())

    await settled(database, way, arrived=2)
    await eventually(lambda: heard)
    rows = await connection.fetch(
        "SELECT kind, ses_id FROM webhooks.feedback WHERE attempt_id = $1", email.attempt_id
    )
    assert ("SEND", email.ses_id) in [tuple(row) for row in rows]
    await connection.close()


async def test_a_forged_topic_is_kept_out(way: Way, database: FreshDatabase) -> None:
    forged = "arn:aws:sns:us-east-1:666666666666:letterhead-feedback"

    await way.put(envelope(SentEmail().bounce(), forged), envelope(SentEmail().bounce(), way.topic_arn))

    await settled(database, way, arrived=1)
    (kept,) = await database.fetch("SELECT topic_arn FROM webhooks.notifications")
    assert kept["topic_arn"] == way.topic_arn
    assert await count(database, "feedback") == 1


async def test_what_is_no_event_is_kept_with_its_problem_and_holds_nothing_up(
    way: Way, database: FreshDatabase
) -> None:
    hostile: dict[str, Any] = SentEmail().bounce()
    hostile["bounce"]["bouncedRecipients"] = [{"emailAddress": "a\0b\ud800@example.com", "status": 1e400}]
    raw = SentEmail().delivery()

    await way.put("Successfully validated SNS topic", json.dumps(raw))
    await way.publish({"eventType": "Bounce"}, hostile, SentEmail().click())

    await settled(database, way, arrived=5)
    rows = await database.fetch(
        "SELECT body, problem FROM webhooks.notifications WHERE problem <> '' ORDER BY problem"
    )
    assert [row["problem"].partition(":")[0] for row in rows] == ["It is not JSON", "It names no email"]
    assert await count(database, "feedback") == 3


async def test_what_postgres_refuses_does_not_keep_the_others_back(way: Way, database: FreshDatabase) -> None:
    poison, good = SentEmail(ses_id="poison"), SentEmail()
    await database.execute("ALTER TABLE webhooks.feedback ADD CONSTRAINT refuses CHECK (ses_id <> 'poison')")

    await way.publish(poison.bounce(), good.bounce())

    async def given_up() -> bool:
        await database.execute("UPDATE webhooks.notifications SET leased_until = NULL")
        return await count(database, "notifications WHERE problem LIKE 'It could not be stored%'") == 1

    await eventually(given_up)
    await settled(database, way, arrived=2)
    (fact,) = await database.fetch("SELECT ses_id FROM webhooks.feedback")
    assert fact["ses_id"] == good.ses_id


async def test_replicas_share_the_work_and_tell_each_event_once(
    way: Way, webhooks: Webhooks, database: FreshDatabase, stream: FreshStream
) -> None:
    emails = [SentEmail() for _ in range(30)]

    async with webhooks.start():
        await way.publish(*(email.delivery() for email in emails), *(email.delivery() for email in emails))
        await settled(database, way, arrived=60)

    told = await stream.published("delivery.received")
    assert sorted(event["subject"] for event in told) == sorted(str(email.email_id) for email in emails)


async def test_tags_that_are_of_no_submission_attribute_nothing(
    way: Way, database: FreshDatabase, stream: FreshStream
) -> None:
    """Whoever writes our tags, a fact is of a tenant only where sender's own rows say so."""
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

    await way.publish_alone(*(each.bounce() for each in forged.values()))

    await settled(database, way, arrived=len(forged))
    rows = await database.fetch("SELECT tenant_id, email_id, attempt_id FROM webhooks.feedback")
    assert {tuple(row) for row in rows} == {(None, None, None)}
    told = await stream.published("bounce.received")
    assert {each.get("tenantid") for each in told} == {None}
    assert {each["data"]["email"].get("id") for each in told} == {None}


async def test_a_bounce_without_tags_names_the_email_that_has_its_ses_id(
    way: Way, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    await an_attempt(database, email.tenant_id, email.email_id, email.attempt_id, ses_id=email.ses_id)

    await way.publish_alone(as_notification(email.bounce()))

    await settled(database, way, arrived=1)
    (event,) = await stream.published("bounce.received")
    assert event["data"]["email"]["id"] == str(email.email_id)
    assert event["tenantid"] == str(email.tenant_id)


async def test_a_bounce_without_tags_waits_for_the_form_with_tags(
    way: Way, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    await an_attempt(database, email.tenant_id, email.email_id, email.attempt_id)
    await way.publish_alone(as_notification(email.bounce()))
    await eventually(way.is_empty)

    await way.publish_alone(email.bounce())

    await settled(database, way, arrived=2)
    (event,) = await stream.published("bounce.received")
    assert event["data"]["email"]["id"] == str(email.email_id)


async def test_a_bounce_kept_before_its_email_was_known_is_completed(
    way: Way, database: FreshDatabase, stream: FreshStream
) -> None:
    email = SentEmail()
    await way.publish_alone(as_notification(email.bounce()))
    await eventually(way.is_empty)
    await database.execute(
        "UPDATE webhooks.notifications SET received_at = received_at - interval '1 minute'"
    )
    await settled(database, way, arrived=1)

    await way.publish(email.bounce())

    await settled(database, way, arrived=2)
    anonymous, complete = await stream.published("bounce.received")
    assert "id" not in anonymous["data"]["email"]
    assert complete["data"]["email"]["id"] == str(email.email_id)
    assert await count(database, "feedback") == 1


async def test_an_email_whose_attempt_was_lost_with_a_restored_database_is_still_told_of(
    way: Way, database: FreshDatabase
) -> None:
    email = SentEmail()
    await an_attempt(database, email.tenant_id, email.email_id, uuid4())

    await way.publish_alone(email.delivery())

    await settled(database, way, arrived=1)
    [row] = await database.fetch("SELECT tenant_id, email_id, attempt_id FROM webhooks.feedback")
    assert tuple(row) == (email.tenant_id, email.email_id, None)
