"""The SES account's state and message."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from chassis.access import Scope
from letterhead.verifier.v1 import verifier_pb2 as pb
from services.verifier.store.views import ViewStore
from services.verifier.worker.account_gauges import AccountGauges
from tests.factories import a_key, bearer
from tests.integration.verifier.world import Tenant, World
from tests.waiting import eventually


async def account_of(tenant: Tenant) -> pb.SesAccount:
    """Return the account as an operator sees it."""
    key = await a_key(tenant.world.database, tenant.id, Scope.ADMIN)
    return await account_with(tenant, key)


async def account_with(tenant: Tenant, key: str) -> pb.SesAccount:
    answer = await tenant.stub.GetSesAccount(pb.GetSesAccountRequest(), metadata=bearer(key))
    (account,) = answer.accounts
    return account


async def test_an_operator_sees_the_account_and_its_limits(world: World, tenant: Tenant) -> None:
    async def queried() -> bool:
        return (await account_of(tenant)).HasField("check_time")

    await eventually(queried)
    account = await account_of(tenant)
    assert pb.SesAccount.State.Name(account.state) == "STATE_READY"
    assert (account.account, account.region) == ("123456789012", "us-east-1")
    assert (account.max_send_rate, account.max_24_hour_send) == (14, 50_000)


async def test_a_tenant_sees_only_whether_the_account_can_send(world: World, tenant: Tenant) -> None:
    async def is_ready() -> bool:
        return pb.SesAccount.State.Name((await account_of(tenant)).state) == "STATE_READY"

    await eventually(is_ready)
    await world.database.execute("UPDATE verifier.ses_account SET sent_last_24_hours = 7")

    seen = await account_with(tenant, tenant.key)

    assert {field.name for field, _ in seen.ListFields()} == {"region", "state", "check_time"}
    assert (await account_of(tenant)).sent_last_24_hours == 7


@pytest.mark.parametrize(
    ("change", "state", "advice"),
    [
        ({"production_access": False}, "SANDBOXED", "Request production access"),
        ({"sending_enabled": False}, "PAUSED", "Enable it with"),
        ({"enforcement_status": "SHUTDOWN"}, "PAUSED", "Answer AWS's message"),
        ({"enforcement_status": "PROBATION"}, "UNDER_REVIEW", "Answer AWS's message"),
    ],
    ids=["sandboxed", "switched off", "shut down", "on probation"],
)
async def test_an_account_that_cannot_send_shows_its_state_and_advice(
    world: World, tenant: Tenant, change: dict[str, Any], state: str, advice: str
) -> None:
    await eventually(lambda: published_once(world, "UNREACHABLE", "READY"))
    await world.internet.control.call("PATCH", "/ses/account", change)

    await world.database.execute("UPDATE verifier.ses_account SET due_at = now()")

    async def shown() -> bool:
        return pb.SesAccount.State.Name((await account_of(tenant)).state) == f"STATE_{state}"

    await eventually(shown)
    assert advice in (await account_of(tenant)).state_message
    await eventually(lambda: published_once(world, "READY", state))


async def published_once(world: World, before: str, after: str) -> bool:
    """Return whether exactly one event announced the change."""
    events = [event["data"] for event in await world.stream.published("account.changed")]
    changes = [(each["previousState"], each["state"], each["region"]) for each in events]
    return changes.count((f"STATE_{before}", f"STATE_{after}", "us-east-1")) == 1


async def test_operators_see_the_account_as_metrics(world: World, tenant: Tenant) -> None:
    async def queried() -> bool:
        return (await account_of(tenant)).HasField("check_time")

    await eventually(queried)
    async with world.database.open("verifier") as database:
        await AccountGauges(ViewStore(database)).update()

    def shown(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"region": "us-east-1"} | labels)

    assert shown("letterhead_ses_account", state="READY") == 1
    assert shown("letterhead_ses_account", state="PAUSED") == 0
    assert shown("letterhead_ses_quota_recipients") == 50_000
    assert shown("letterhead_ses_sent_recipients") == 0


async def test_an_account_is_unreachable_after_a_while_without_a_response(
    world: World, tenant: Tenant
) -> None:
    async def in_state(name: str) -> bool:
        return pb.SesAccount.State.Name((await account_of(tenant)).state) == f"STATE_{name}"

    await eventually(lambda: in_state("READY"))
    await world.fault("GetAccount", "error_503")
    await world.database.execute("UPDATE verifier.ses_account SET due_at = now()")
    await eventually(lambda: world.failed("GetAccount"))
    assert await in_state("READY")

    await world.database.execute(
        "UPDATE verifier.ses_account SET due_at = now(), checked_at = now() - interval '10 minutes'"
    )
    await eventually(lambda: in_state("UNREACHABLE"))
    assert "SES" in (await account_of(tenant)).state_message
