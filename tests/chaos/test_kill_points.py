"""Sender and webhooks are killed at every named point: before, during and after statements and requests."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.conftest import Scale
from tests.chaos.load import Load, a_load
from tests.chaos.nursery import nursery
from tests.chaos.outcomes import all_settled, database, outcome_of
from tests.chaos.points import kill_at, points
from tests.chaos.shimmed import shimmed
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(7200)]

SENDER_POINTS = points(
    "accept_emails", "claimable", "lock_claims", "open_attempts", "commit of move_emails", "start_attempts",
    "SendEmail", "resolve_attempts", "move_emails", "write_events", "commit of write_events", "lease_events",
    "publish", "mark_published", "receive_events", "ack",
)  # fmt: skip
WEBHOOKS_POINTS = points(
    "ReceiveMessage", "store_notifications", "DeleteMessageBatch", "lease_notifications", "add_feedback",
    "mark_processed", "commit of mark_processed", "lease_events", "publish", "mark_published",
)  # fmt: skip
DELIVERED = """
    SELECT r.email_id, (
        SELECT count(*) FROM webhooks.feedback AS f WHERE f.email_id = r.email_id AND f.kind = 'DELIVERY'
    ) AS events
    FROM sender.recipients AS r
    WHERE r.email_id = ANY ($1::uuid[]) AND r.state = 'DELIVERED'
"""
REST_WITHIN = timedelta(minutes=10)  # only against hanging


async def test_no_email_is_lost_or_sent_twice_when_the_sender_is_killed_at_any_point(
    chaotic: World, workspace: Path, scale: Scale, figure: Figure
) -> None:
    async with (
        shimmed(chaotic, "sender", workspace / "sender-points") as (senders, shims),
        a_load(chaotic, senders.addresses) as load,
    ):
        kills = await kill_at(SENDER_POINTS * scale.of(1, 20), senders, shims, lambda: load.many(1))
        await eventually(lambda: all_settled(chaotic, load.ids), REST_WITHIN)
        outcome = await outcome_of(chaotic, load.ids)

    figure(f"sender killed {kills} times, at {len(SENDER_POINTS)} named points: {outcome}")
    assert outcome.clean, outcome


async def test_no_feedback_is_lost_when_webhooks_is_killed_at_any_point(
    chaotic: World, workspace: Path, scale: Scale, figure: Figure
) -> None:
    async with (
        nursery(chaotic, "sender", workspace / "webhooks-points-sender") as senders,
        shimmed(chaotic, "webhooks", workspace / "webhooks-points") as (webhooks, shims),
        a_load(chaotic, senders.addresses) as load,
    ):
        kills = await kill_at(WEBHOOKS_POINTS * scale.of(1, 20), webhooks, shims, lambda: load.many(1))
        await eventually(lambda: _all_delivered(chaotic, load), REST_WITHIN)
        outcome = await outcome_of(chaotic, load.ids)

    figure(f"webhooks killed {kills} times, at {len(WEBHOOKS_POINTS)} named points: {outcome}")
    assert outcome.clean, outcome
    assert outcome.states == {"SENT": len(load.ids)}


async def _all_delivered(world: World, load: Load) -> bool:
    """Return whether the Delivery event of every email was stored once, and applied."""
    connection = await database(world)
    try:
        rows = await connection.fetch(DELIVERED, load.ids)
    finally:
        await connection.close()
    return len(rows) == len(load.ids) and all(row["events"] == 1 for row in rows)
