"""Retention: processed notifications are deleted after 30 days, feedback after 90."""

import pytest

from tests.integration.webhooks.conftest import Webhooks
from tests.stores import FreshDatabase
from tests.waiting import eventually

NOTIFICATIONS = """
INSERT INTO webhooks.notifications (id, sns_id, topic_arn, body, received_at, processed_at, leased_until)
SELECT gen_random_uuid(), label || n, 'topic', '{}', now() - age, processed, now() + interval '1 h'
FROM generate_series(1, 1500) AS n, (VALUES
    ('old', interval '31 d', now()),
    ('young', interval '29 d', now()),
    ('open', interval '31 d', NULL)
) AS kind (label, age, processed)
"""
FEEDBACK = """
INSERT INTO webhooks.feedback (id, meaning, kind, ses_id, detail, occurred_at, received_at)
SELECT gen_random_uuid(), sha256((label || n)::bytea), 'SEND', label, '{}', now(), now() - age
FROM generate_series(1, 1500) AS n, (VALUES
    ('old', interval '91 d'),
    ('young', interval '89 d')
) AS kind (label, age)
"""


@pytest.fixture
async def aged(database: FreshDatabase) -> FreshDatabase:
    """Return a database with more rows of every age than one batch deletes."""
    await database.execute(NOTIFICATIONS)
    await database.execute(FEEDBACK)
    return database


async def labels(database: FreshDatabase) -> set[str]:
    rows = await database.fetch("""
        SELECT rtrim(sns_id, '0123456789') AS label FROM webhooks.notifications
        UNION SELECT 'feedback ' || ses_id FROM webhooks.feedback
    """)
    return {row["label"] for row in rows}


async def test_only_old_rows_are_deleted(aged: FreshDatabase, webhooks: Webhooks) -> None:
    async with webhooks.start():

        async def only_the_young() -> bool:
            return await labels(aged) == {"young", "open", "feedback young"}

        await eventually(only_the_young)
