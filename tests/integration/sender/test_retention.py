"""Retention: old emails are deleted with all that belongs to them, old rows too, and nothing else is."""

import time
from datetime import timedelta
from uuid import UUID

from chassis.retention import Retention
from services.sender.store.retention import rules
from tests.figures import Figure
from tests.integration.sender.conftest import Sender
from tests.stores import FreshDatabase
from tests.waiting import eventually

# An email with a subject ($1), in its last state ($2) for $3 days, with a body ($4) or without.
AN_EMAIL = """
WITH email AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, from_address, subject, size, expires_at, state, state_at, body_erase_at)
    SELECT
        chassis.first_id(state_at), gen_random_uuid(), gen_random_uuid(), '', $1, 1, now() + interval '1 day',
        $2, state_at, CASE WHEN $4 THEN now() + interval '1 day' END
    FROM (SELECT now() - make_interval(days => $3) AS state_at) AS aged
    RETURNING id, tenant_id
), recipient AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, match)
    SELECT id, 0, 'TO', '', '' FROM email
), attachment AS (
    INSERT INTO sender.attachments (email_id, position, file_name, content_type, size)
    SELECT id, 0, '', '', 1 FROM email
), attempt AS (
    INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, number, state, worker, leased_until)
    SELECT gen_random_uuid(), id, tenant_id, tenant_id, 1, 'ACCEPTED', '', now() FROM email
)
INSERT INTO sender.email_transitions (id, email_id, to_state) SELECT gen_random_uuid(), id, $2 FROM email
"""
# 500 copies of each email, with its recipient.
COPIES = """
WITH email AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, from_address, subject, size, expires_at, state, state_at)
    SELECT gen_random_uuid(), tenant_id, claim_id, '', subject, 1, expires_at, state, state_at
    FROM sender.emails, generate_series(1, 500)
    RETURNING id
)
INSERT INTO sender.recipients (email_id, position, kind, address, match) SELECT id, 0, 'TO', '', '' FROM email
"""
OTHER_ROWS = """
WITH beats AS (
    INSERT INTO sender.heartbeats (id, source, opened_at)
    SELECT gen_random_uuid(), 'ours', now() - make_interval(days => age) FROM unnest(ARRAY[6, 8]) AS age
), days AS (
    INSERT INTO sender.tenant_days (tenant_id, day, emails)
    SELECT gen_random_uuid(), now()::date - age, 1 FROM unnest(ARRAY[89, 92]) AS age
), unmatched AS (
    INSERT INTO sender.unmatched_feedback (id, ses_id, subject, data, occurred_at, received_at)
    SELECT gen_random_uuid(), '0100-other', '', '{}', now(), now() - make_interval(days => age)
    FROM unnest(ARRAY[6, 8]) AS age
)
INSERT INTO sender.strikes (email_id, match, kind, tenant_id)
SELECT chassis.first_id(now() - make_interval(days => age)), '', 'BOUNCE', $1 FROM unnest(ARRAY[6, 8]) AS age
"""
LEFT = """
SELECT
    (SELECT array_agg(subject ORDER BY subject) FROM sender.emails) AS emails,
    (SELECT count(*) FROM sender.recipients) AS recipients,
    (SELECT count(*) FROM sender.attachments) AS attachments,
    (SELECT count(*) FROM sender.attempts) AS attempts,
    (SELECT count(*) FROM sender.heartbeats) AS heartbeats,
    (SELECT count(*) FROM sender.tenant_days) AS tenant_days,
    (SELECT count(*) FROM sender.unmatched_feedback) AS unmatched,
    (SELECT count(*) FROM sender.strikes) AS strikes
"""


async def test_old_rows_are_deleted_and_nothing_else(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    for name, state, age, with_body in (
        ("old", "SENT", 91, False),
        ("old and failed", "FAILED", 91, False),
        ("recent", "SENT", 89, False),
        ("with its body", "SENT", 91, True),
        ("held", "HELD", 91, False),
    ):
        await database.execute(AN_EMAIL, name, state, age, with_body)
    await database.execute(OTHER_ROWS, tenant_id)

    async def only_recent_rows() -> bool:
        [left] = await database.fetch(LEFT)
        return tuple(left) == (["held", "recent", "with its body"], 3, 3, 3, 1, 1, 1, 1)

    async with sender.start():
        await eventually(only_recent_rows)


async def test_a_request_id_is_not_stored_longer_than_its_emails(database: FreshDatabase) -> None:
    """Otherwise a repeat would be answered with emails that were deleted."""
    await database.execute(
        "INSERT INTO sender.idempotency (tenant_id, request_id, content_hash, email_ids, created_at)"
        " SELECT gen_random_uuid(), age::text, '', '{}', now() - make_interval(days => age)"
        " FROM unnest(ARRAY[9, 11]) AS age"
    )
    async with database.open("sender") as opened:
        await Retention(opened, rules(emails=timedelta(days=10), requests=timedelta(days=30))).delete_old()

    rows = await database.fetch("SELECT request_id FROM sender.idempotency")
    assert [row["request_id"] for row in rows] == ["9"]


async def test_many_emails_are_deleted_in_batches(database: FreshDatabase, figure: Figure) -> None:
    for number in range(10):
        await database.execute(AN_EMAIL, str(number), "SENT", 91, False)
    await database.execute(COPIES)
    async with database.open("sender") as opened:
        retention = Retention(opened, rules(emails=timedelta(days=90), requests=timedelta(days=30)))

        start, runs = time.perf_counter(), 1
        while await retention.delete_old():
            runs += 1
        took = time.perf_counter() - start

    assert not await database.fetch("SELECT FROM sender.emails")
    each = took / 5_010 * 1e6
    figure(f"retention: 5,010 emails and their recipients in {runs} runs, {each:.0f} µs per email")
