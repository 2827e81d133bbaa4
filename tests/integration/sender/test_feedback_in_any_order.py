"""SES's events lead to the same final state in every order, also through Postgres, singly or in batches."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from google.protobuf import json_format

from chassis.database import Database
from chassis.events import ReceivedEvent
from chassis.ids import uuid7
from services.sender.config import SoftBounces
from services.sender.model.feedback import proof
from services.sender.store.feedback import Feedback
from services.sender.store.soft_bounces import SoftBounceStore
from services.sender.store.states import EmailStates
from services.sender.store.suppressions import SuppressionStore
from services.sender.store.unmatched import UnmatchedStore
from services.sender.worker.matching import Matching
from services.webhooks.events import event_of
from services.webhooks.model.feedback import parse
from tests.figures import Figure
from tests.stores import FreshDatabase
from tests.unit.webhooks.ses_events import SentEmail, as_notification
from tests.waiting import eventually

ORDERS = 100
READERS = ("ada@example.com", "bob@example.net")
TENANT = uuid7()


async def a_claimed_email(database: Database) -> SentEmail:
    """Store an email in flight: it has an open attempt without an answer."""
    email = SentEmail(TENANT, uuid7(), uuid7(), to=READERS)
    claim_id = uuid7()
    await database.execute(
        "INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, size, state, expires_at)"
        " VALUES ($1, $2, $3, 'agent@example.com', 'Hello', 1, 'SENDING', now() + interval '1 day')",
        email.email_id,
        TENANT,
        claim_id,
    )
    await database.execute(
        "INSERT INTO sender.recipients (email_id, position, kind, address, match)"
        " SELECT $1, at, 'TO', address, address FROM unnest($2::text[]) WITH ORDINALITY AS r (address, at)",
        email.email_id,
        READERS,
    )
    await database.execute(
        "INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, number, worker, leased_until)"
        " VALUES ($1, $2, $3, $4, 1, 'test', now() + interval '1 day')",
        email.attempt_id,
        email.email_id,
        TENANT,
        claim_id,
    )
    return email


def all_events(email: SentEmail) -> list[ReceivedEvent]:
    """Return every kind of SES event about an email, twice, and again in the older form without our tags."""
    one = SentEmail(email.tenant_id, email.email_id, email.attempt_id, email.ses_id, to=READERS[:1])
    bodies = [*email.every_kind(), one.bounce("Transient", "MailboxFull"), one.complaint("not-spam")]
    events = (
        event_of(parse(json.dumps(each), datetime.now(UTC)))
        for each in [*bodies, *bodies, *map(as_notification, bodies)]
    )
    return [
        ReceivedEvent(
            uuid4(), each.subject, datetime.now(UTC), each.tenant_id, "", json_format.MessageToDict(each.data)
        )
        for each in events
        if each is not None and each.subject not in {"open.received", "click.received"}
    ]


async def final_states(database: FreshDatabase) -> Counter[tuple[object, ...]]:
    """Return the final states, with the number of emails that reached each."""
    rows = await database.fetch(
        "SELECT e.state, e.ses_id IS NOT NULL AS known, array_agg(r.state ORDER BY r.position) AS readers,"
        " (SELECT array_agg(to_state ORDER BY t.id) FROM sender.email_transitions AS t"
        "  WHERE t.email_id = e.id) AS history"
        " FROM sender.emails AS e JOIN sender.recipients AS r ON r.email_id = e.id GROUP BY e.id"
    )
    return Counter((row["state"], row["known"], *row["readers"], *row["history"]) for row in rows)


@pytest.mark.parametrize(("together", "at_once"), [(1, 4), (50, 1)])
async def test_a_hundred_orders_lead_to_one_final_state(
    database: FreshDatabase, figure: Figure, together: int, at_once: int
) -> None:
    dice = random.Random(17)  # noqa: S311 - the same orders in every run
    async with database.open("sender") as pool:
        states = EmailStates(body_retention=timedelta(days=1))
        unmatched = UnmatchedStore(pool)
        feedback = Feedback(states, SuppressionStore(pool), SoftBounceStore(SoftBounces()), unmatched)
        slots = asyncio.Semaphore(at_once)

        async def apply(batch: Sequence[tuple[ReceivedEvent | None, SentEmail]]) -> None:
            answered = [email for event, email in batch if event is None]  # None is SES's own answer
            answers = [proof(each.attempt_id, each.email_id, each.ses_id) for each in answered]
            async with slots, pool.transaction() as connection:
                await states.resolve(connection, answers)
                await feedback.apply(connection, [event for event, _ in batch if event])

        emails = [await a_claimed_email(pool) for _ in range(ORDERS)]
        events: list[tuple[ReceivedEvent | None, SentEmail]] = [
            (event, email) for email in emails for event in [*all_events(email), None]
        ]
        dice.shuffle(events)
        await asyncio.gather(*(apply(events[at : at + together]) for at in range(0, len(events), together)))
        await all_matched(database, Matching(pool, unmatched, feedback))

    found = await final_states(database)
    assert found == {("FAILED", True, "COMPLAINED", "COMPLAINED", "SENT", "FAILED"): ORDERS}
    suppressed = await database.fetch("SELECT address FROM sender.suppressions ORDER BY address")
    assert [row["address"] for row in suppressed] == list(READERS)
    figure(
        f"feedback through Postgres: {len(events):,} events and answers of {ORDERS} emails in random order "
        f"(seed 17), {together} per transaction, {at_once} concurrent ones: {len(found)} final state"
    )


async def all_matched(database: FreshDatabase, matching: Matching) -> None:
    """Wait until every event that arrived before its email was known is matched."""

    async def none_left() -> bool:
        await matching.match()
        rows = await database.fetch("SELECT FROM sender.unmatched_feedback")
        return not rows

    await eventually(none_left)
