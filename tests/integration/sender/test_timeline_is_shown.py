"""GetEmail returns a timeline of an email's transitions and SES's events, in order."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from letterhead.events.v1.email_parameters_pb2 import EmailParameters
from letterhead.events.v1.email_reason_pb2 import EmailReason
from letterhead.sender.v1.emails_pb2 import Email, ListEmailsRequest
from letterhead.webhooks.v1.feedback_pb2 import Feedback
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
    return [
        State.Name(each.state).removeprefix("STATE_")
        if each.state
        else Feedback.Kind.Name(each.feedback).removeprefix("KIND_").lower()
        for each in email.timeline
    ]


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
    assert [EmailReason.Name(each.reason).removeprefix("EMAIL_REASON_") for each in found.timeline] == [
        "ACCEPTED", "ATTEMPT_STARTED", "SES_ACCEPTED", "DELIVERY_STARTED", "DELAYED", "DELIVERED", "OPENED",
        "CLICKED", "BOUNCED", "UNKNOWN_EVENT",
    ]  # fmt: skip
    assert [each.reason for each in found.history] == [each.reason for each in found.timeline[:3]]
    assert found.history[1].parameters.attempt == 1
    listed = await caller.emails.ListEmails(ListEmailsRequest())
    assert [list(each.timeline) for each in listed.emails] == [[]]


async def test_an_unknown_reason_leaves_the_sentence(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    """An earlier release stored no reasons; a later one may store reasons and parameters unknown here."""
    email = await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SENT)
    await database.execute("UPDATE sender.email_transitions SET reason = '', parameters = '{}'")
    await database.execute(
        """UPDATE sender.emails SET state_reason = 'NOVEL', state_parameters = '{"attempt": 3, "novel": 1}'"""
    )

    found = await caller.get(email.id)

    assert {each.reason for each in found.history} == {EmailReason.EMAIL_REASON_UNSPECIFIED}
    assert found.history[-1].message == found.state_message == "SES accepted it."
    assert found.state_reason == EmailReason.EMAIL_REASON_UNSPECIFIED
    assert found.state_parameters == EmailParameters(attempt=3)
