"""Email that is due and not sent is measured, unless its tenant's limits or an operator hold it back."""

from uuid import UUID

from prometheus_client import REGISTRY

from chassis.regions import SesRegion
from services.sender.store.backlog import Backlog
from tests.factories import ACCOUNT, REGION, Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender
from tests.stores import FreshDatabase

# SES has rejected it, so that it waits for its next attempt.
ACCEPTED_EARLIER = """
    UPDATE sender.emails
    SET created_at = now() - interval '10 minutes', not_before = now() + interval '1 minute'
    WHERE id = $1
"""


async def due_for(database: FreshDatabase) -> float | None:
    """Measure the backlog, and return for how long the oldest email of the queue has been due."""
    async with database.open("sender") as own:
        await Backlog(own, SesRegion(ACCOUNT, REGION)).measure()
    return REGISTRY.get_sample_value("letterhead_sender_queue_oldest_seconds", {"region": REGION})


async def test_only_email_that_nobody_holds_back_is_late(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase, tenant_id: UUID
) -> None:
    await sender.set_account(state="PAUSED")
    email = await caller.send(f"agent@{domain.name}")
    await database.execute(ACCEPTED_EARLIER, email.id)
    assert 600 <= (await due_for(database) or 0) < 700

    await database.execute("UPDATE identity.tenants SET daily_limit = 0 WHERE id = $1", tenant_id)
    assert await due_for(database) == 0

    await database.execute(
        "UPDATE identity.tenants SET daily_limit = NULL, state = 'PAUSED' WHERE id = $1", tenant_id
    )
    assert await due_for(database) == 0
