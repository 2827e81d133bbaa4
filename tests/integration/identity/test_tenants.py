import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.access import Scope
from chassis.events import Outbox
from letterhead.identity.v1.tenants_pb2 import (
    Allowance,
    CreateTenantRequest,
    GetTenantRequest,
    ListTenantsRequest,
    PauseTenantRequest,
    ResumeTenantRequest,
    Tenant,
    UpdateTenantRequest,
)
from services.identity.store.tenants import TenantStore
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually


async def create(admin: Caller, name: str, request_id: str = "") -> Tenant:
    request = CreateTenantRequest(name=name, request_id=request_id)
    tenant: Tenant = (await admin.tenants.CreateTenant(request)).tenant
    return tenant


async def shown(admin: Caller, tenant: Tenant) -> Tenant:
    answer: Tenant = (await admin.tenants.GetTenant(GetTenantRequest(tenant_id=tenant.id))).tenant
    return answer


async def test_a_new_tenant_is_active_and_rejects_email_from_unready_domains(admin: Caller) -> None:
    tenant = await create(admin, "  Acme  ")

    assert (tenant.name, tenant.state) == ("Acme", Tenant.STATE_ACTIVE)
    assert tenant.unready_policy == Tenant.UNREADY_POLICY_REFUSE
    found = await shown(admin, tenant)
    assert found.allowance == Allowance()  # no limit applies
    found.ClearField("allowance")
    assert found == tenant


async def test_a_tenants_own_limits_apply_until_they_are_removed(
    admin: Caller, database: FreshDatabase
) -> None:
    request = CreateTenantRequest(name="Acme", max_send_rate=2.5, daily_limit=1000, request_id="r")
    tenant = (await admin.tenants.CreateTenant(request)).tenant
    await database.execute(
        "INSERT INTO sender.tenant_days (tenant_id, day, emails, recipients)"
        " VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 2, 70)",
        UUID(tenant.id),
    )
    assert (tenant.max_send_rate, tenant.daily_limit) == (2.5, 1000)
    assert (await admin.tenants.CreateTenant(request)).tenant == tenant
    assert (await shown(admin, tenant)).allowance == Allowance(
        max_send_rate=2.5, daily_limit=1000, sent_today=70
    )

    changed = await changed_to(admin, Tenant(id=tenant.id, daily_limit=0), "max_send_rate", "daily_limit")

    assert changed.HasField("daily_limit")
    assert changed.daily_limit == 0
    assert not changed.HasField("max_send_rate")
    assert (await changed_to(admin, Tenant(id=tenant.id, name="New"), "name")).HasField("daily_limit")
    assert (await shown(admin, tenant)).allowance == Allowance(daily_limit=0, sent_today=70)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"max_send_rate": 0.0}, "max_send_rate"),
        ({"max_send_rate": -1.0}, "max_send_rate"),
        ({"max_send_rate": float("nan")}, "max_send_rate"),
        ({"max_send_rate": float("inf")}, "max_send_rate"),
        ({"daily_limit": -1}, "daily_limit"),
        ({"daily_limit": 10**9 + 1}, "daily_limit"),
    ],
)
async def test_a_limit_out_of_range_is_rejected(admin: Caller, limits: dict[str, Any], field: str) -> None:
    tenant = await create(admin, "Acme")

    for call, path in (
        (admin.tenants.CreateTenant(CreateTenantRequest(name="Other", **limits)), field),
        (changed_to(admin, Tenant(id=tenant.id, **limits), field), f"tenant.{field}"),
    ):
        rejection = await refused(call)
        assert rejection.code is grpc.StatusCode.INVALID_ARGUMENT
        assert rejection.fields.keys() == {path}


async def changed_to(admin: Caller, tenant: Tenant, *paths: str) -> Tenant:
    """Update the fields in `paths`; return the updated tenant."""
    request = UpdateTenantRequest(tenant=tenant, update_mask=FieldMask(paths=paths))
    changed: Tenant = (await admin.tenants.UpdateTenant(request)).tenant
    return changed


async def test_a_repeated_request_returns_the_same_tenant(admin: Caller) -> None:
    answers = await asyncio.gather(*(create(admin, "Acme", "r") for _ in range(20)))

    assert len({answer.id for answer in answers}) == 1
    rejection = await refused(create(admin, "Other", "r"))
    assert (rejection.code, rejection.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_tenant_names_are_unique(admin: Caller) -> None:
    first, second = await create(admin, "Acme"), await create(admin, "Other")

    renaming = UpdateTenantRequest(
        tenant=Tenant(id=second.id, name="Acme"), update_mask=FieldMask(paths=["name"])
    )
    for call in (create(admin, first.name), admin.tenants.UpdateTenant(renaming)):
        rejection = await refused(call)
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.ALREADY_EXISTS, "TENANT_NAME_TAKEN")
        assert rejection.metadata["name"] == "Acme"


async def test_a_name_is_one_line_of_1_to_100_characters(admin: Caller) -> None:
    for name in ("", "   ", "n" * 101, "a\nb", "a\0b", "a\u202eb"):
        rejection = await refused(create(admin, name))

        assert rejection.code is grpc.StatusCode.INVALID_ARGUMENT
        assert rejection.fields.keys() == {"name"}


async def test_an_update_changes_only_the_fields_in_its_mask(admin: Caller) -> None:
    tenant = await create(admin, "Acme")
    update = Tenant(id=tenant.id, name="Ignored", unready_policy=Tenant.UNREADY_POLICY_SHARED)
    request = UpdateTenantRequest(tenant=update, update_mask=FieldMask(paths=["unready_policy"]))

    changed = (await admin.tenants.UpdateTenant(request)).tenant

    assert (changed.name, changed.unready_policy) == ("Acme", Tenant.UNREADY_POLICY_SHARED)
    assert (await admin.tenants.UpdateTenant(request)).tenant == changed
    for paths in ([], ["state"], ["name", "id"]):
        unknown = UpdateTenantRequest(tenant=update, update_mask=FieldMask(paths=paths))
        assert (await refused(admin.tenants.UpdateTenant(unknown))).fields.keys() == {"update_mask"}
    request.tenant.unready_policy = 99  # type: ignore[assignment]
    assert (await refused(admin.tenants.UpdateTenant(request))).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_pausing_and_resuming_publish_one_event_each_and_have_a_history(
    admin: Caller, stream: FreshStream, database: FreshDatabase
) -> None:
    tenant = await create(admin, "Acme")
    pause = PauseTenantRequest(tenant_id=tenant.id, reason="Too many complaints.")

    paused = [(await admin.tenants.PauseTenant(pause)).tenant for _ in range(2)][-1]
    resumed = [
        (await admin.tenants.ResumeTenant(ResumeTenantRequest(tenant_id=tenant.id))).tenant for _ in range(2)
    ][-1]

    assert (paused.state, paused.pause_reason) == (Tenant.STATE_PAUSED, "Too many complaints.")
    assert (resumed.state, resumed.pause_reason) == (Tenant.STATE_ACTIVE, "")
    events = await eventually(lambda: two(stream))
    by_type = {event["type"]: event["data"] for event in events}
    assert by_type == {
        "tenant.paused": {"tenantId": tenant.id, "message": "Too many complaints."},
        "tenant.resumed": {"tenantId": tenant.id},
    }
    rows = await database.fetch(
        "SELECT to_state FROM identity.tenant_transitions WHERE tenant_id = $1 ORDER BY id", tenant.id
    )
    assert [row["to_state"] for row in rows] == ["ACTIVE", "PAUSED", "ACTIVE"]


async def two(stream: FreshStream) -> list[dict[str, object]] | None:
    events = await stream.published("tenant.>")
    return events if len(events) == 2 else None


async def test_the_reason_of_a_pause_can_change_and_has_at_most_500_characters(admin: Caller) -> None:
    tenant = await create(admin, "Acme")
    too_long = PauseTenantRequest(tenant_id=tenant.id, reason="r" * 501)

    for reason in ("One.", "Two."):
        await admin.tenants.PauseTenant(PauseTenantRequest(tenant_id=tenant.id, reason=reason))

    paused = await shown(admin, tenant)
    assert (paused.state, paused.pause_reason) == (Tenant.STATE_PAUSED, "Two.")
    assert (await refused(admin.tenants.PauseTenant(too_long))).fields.keys() == {"reason"}


async def test_pages_list_every_tenant_once_newest_first(admin: Caller) -> None:
    made = [(await create(admin, f"Tenant {number}")).name for number in range(5)]

    seen: list[str] = []
    token = ""
    while True:
        answer = await admin.tenants.ListTenants(ListTenantsRequest(page_size=2, page_token=token))
        seen += [tenant.name for tenant in answer.tenants]
        if not (token := answer.next_page_token):
            break

    assert seen == [*made[::-1], "operator"]
    garbage = await refused(admin.tenants.ListTenants(ListTenantsRequest(page_token="garbage")))
    assert garbage.reason == "INVALID_PAGE_TOKEN"


async def test_a_sending_key_cannot_see_its_own_tenant(identity: Identity, channel: grpc.aio.Channel) -> None:
    caller = await identity.a_caller(channel, Scope.SENDING_ACCESS)

    rejection = await refused(caller.tenants.GetTenant(GetTenantRequest()))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")


async def test_a_tenant_sees_itself_and_no_other_tenant(
    identity: Identity, channel: grpc.aio.Channel, admin: Caller
) -> None:
    caller, another = await identity.a_caller(channel), await create(admin, "Another")

    own = (await caller.tenants.GetTenant(GetTenantRequest())).tenant

    assert (await caller.tenants.GetTenant(GetTenantRequest(tenant_id=own.id))).tenant == own
    for unseen in (another.id, str(uuid4()), "garbage"):
        rejection = await refused(caller.tenants.GetTenant(GetTenantRequest(tenant_id=unseen)))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")
    for call in (
        caller.tenants.CreateTenant(CreateTenantRequest(name="Mine")),
        caller.tenants.ListTenants(ListTenantsRequest()),
        caller.tenants.UpdateTenant(UpdateTenantRequest()),
        caller.tenants.PauseTenant(PauseTenantRequest()),
        caller.tenants.ResumeTenant(ResumeTenantRequest()),
    ):
        assert (await refused(call)).reason == "SCOPE_TOO_SMALL"


async def test_an_unknown_tenant_is_not_found(admin: Caller) -> None:
    for missing in (str(uuid4()), "garbage"):
        named = UpdateTenantRequest(
            tenant=Tenant(id=missing, name="x"), update_mask=FieldMask(paths=["name"])
        )
        for call in (
            admin.tenants.GetTenant(GetTenantRequest(tenant_id=missing)),
            admin.tenants.UpdateTenant(named),
            admin.tenants.PauseTenant(PauseTenantRequest(tenant_id=missing)),
            admin.tenants.ResumeTenant(ResumeTenantRequest(tenant_id=missing)),
        ):
            rejection = await refused(call)
            assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")


async def test_renaming_the_operators_tenant_keeps_it_the_operators(
    admin: Caller, database: FreshDatabase
) -> None:
    own = (await admin.tenants.GetTenant(GetTenantRequest())).tenant

    renamed = Tenant(id=own.id, name="Mail team")
    request = UpdateTenantRequest(tenant=renamed, update_mask=FieldMask(paths=["name"]))
    assert (await admin.tenants.UpdateTenant(request)).tenant.is_operator
    taken = await create(admin, "operator")

    assert not taken.is_operator
    async with database.open("identity") as opened:
        assert str(await TenantStore(opened, Outbox("identity")).ensure_operator("operator")) == own.id


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE identity.tenants SET is_operator = NOT is_operator",
        "UPDATE identity.tenants SET is_operator = false WHERE is_operator",
        "INSERT INTO identity.tenants (id, name, is_operator) VALUES (gen_random_uuid(), 'second', true)",
    ],
)
async def test_a_database_constraint_prevents_a_second_operator(
    admin: Caller, database: FreshDatabase, change: str
) -> None:
    await create(admin, "Another")

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await database.execute(change)
