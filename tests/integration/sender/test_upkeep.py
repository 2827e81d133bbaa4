"""Bodies are erased and old request ids are deleted after their retention."""

from datetime import timedelta
from uuid import UUID

from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually


async def test_a_body_is_erased_after_its_retention(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
    [row] = await database.fetch("SELECT body_erase_at - state_at AS retention FROM sender.emails")
    await database.execute("UPDATE sender.emails SET body_erase_at = now()")

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)

        async def erased() -> bool:
            return (await caller.get(email.id)).text == ""

        await eventually(erased)
        assert (await caller.get(email.id)).subject == "Hello"
    assert row["retention"] == timedelta(days=7)


async def test_a_request_id_is_deleted_after_its_retention(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        await caller.send(f"agent@{domain.name}", request_id="old")
        await caller.send(f"agent@{domain.name}", request_id="recent")
    await database.execute(
        "UPDATE sender.idempotency SET created_at = now() - interval '31 days' WHERE request_id = 'old'"
    )

    async def request_ids() -> list[str]:
        rows = await database.fetch("SELECT request_id FROM sender.idempotency")
        return [row["request_id"] for row in rows]

    async def old_is_gone() -> bool:
        return await request_ids() == ["recent"]

    async with sender.start():
        await eventually(old_is_gone)
