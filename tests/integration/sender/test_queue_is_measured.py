"""Email that is due and not sent is measured, unless its tenant's limits or an operator hold it back."""

from uuid import UUID

from prometheus_client import REGISTRY

from chassis.regions import SesRegion
from services.sender.store.backlog import Backlog
from tests.factories import ACCOUNT, REGION, Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender
from tests.stores import FreshDatabase


async def due_for(database: FreshDatabase) -> float | None:
    """Measure the backlog, and return how long the first email of the queue has been due."""
    async with database.open("sender") as own:
        await Backlog(own, SesRegion(ACCOUNT, REGION)).measure()
    return REGISTRY.get_sample_value("letterhead_sender_queue_oldest_seconds", {"region": REGION})


async def test_only_email_that_nobody_holds_back_is_late(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase, tenant_id: UUID
) -> None:
    await sender.set_account(state="PAUSED")
    email = await caller.send(f"agent@{domain.name}")
    await database.execute(
        "UPDATE sender.emails SET not_before = now() - interval '10 minutes' WHERE id = $1", email.id
    )
    assert 600 <= (await due_for(database) or 0) < 700

    await database.execute("UPDATE identity.tenants SET daily_limit = 0 WHERE id = $1", tenant_id)
    assert await due_for(database) == 0

    await database.execute(
        "UPDATE identity.tenants SET daily_limit = NULL, state = 'PAUSED' WHERE id = $1", tenant_id
    )
    assert await due_for(database) == 0
