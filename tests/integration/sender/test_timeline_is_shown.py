"""GetEmail returns a timeline of an email's transitions and SES's events, in order."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from letterhead.sender.v1.emails_pb2 import Email, ListEmailsRequest
from services.webhooks.model.feedback import parse
from services.webhooks.store.feedback import FeedbackStore
from tests.factories import Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.unit.webhooks.ses_events import SentEmail, as_notification

READER = "reader@example.com"
LATER = datetime.now(UTC) + timedelta(hours=1)


async def receive(database: FreshDatabase, *events: dict[str, Any]) -> None:
    """Store events as webhooks would, from an hour from now on and a minute apart."""
    for minute, event in enumerate(events):
        block = next(
            value for key, value in event.items() if key not in {"eventType", "notificationType", "mail"}
        )
        at = LATER + timedelta(minutes=minute)
        block["timestamp"] = event["mail"]["timestamp"] = at.isoformat()
    async with database.open("webhooks") as pool, pool.transaction() as connection:
        parsed = [parse(json.dumps(event), LATER) for event in events]
        assert len(await FeedbackStore(pool).add_feedback(connection, parsed)) == len(events)


def shown(email: Email) -> list[str]:
    """Return the timeline as words: states, and kinds of feedback in lower case."""
    return [each.feedback.lower() or State.Name(each.state).removeprefix("STATE_") for each in email.timeline]


async def test_the_timeline_has_transitions_and_feedback_in_order(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    email = await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SENT)
    [post] = await sender.posts()
    of_it = SentEmail(
        UUID(email.tenant_id), UUID(email.id), UUID(post["email_tags"]["lh-attempt"]), email.ses_id, (READER,)
    )
    foreign = SentEmail(UUID(int=7), UUID(email.id), to=(READER,))
    await receive(
        database,
        of_it.send(),
        of_it.delay(),
        of_it.delivery(),
        of_it.opened(),
        of_it.click(),
        as_notification(of_it.bounce("Transient", "MailboxFull")),
        of_it.event("Teleport", "teleport", {}),
    )
    await receive(database, foreign.complaint())

    found = await caller.get(email.id)

    assert shown(found) == [
        "QUEUED", "SENDING", "SENT", "send", "delay", "delivery", "open", "click", "bounce", "unspecified",
    ]  # fmt: skip
    times = [each.time.ToDatetime() for each in found.timeline]
    assert times == sorted(times)
    assert found.timeline[5].message == "Delivered: 250 2.6.0 Message received"
    assert list(found.timeline[5].recipients) == [READER]
    listed = await caller.emails.ListEmails(ListEmailsRequest())
    assert [list(each.timeline) for each in listed.emails] == [[]]
