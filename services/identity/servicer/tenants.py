# ruff: noqa: ARG002, N802 - methods have the rpc names of the proto, and gRPC passes each a context
"""TenantService, which operators use to manage tenants."""

from typing import Any

from chassis.access import TenantVisibility, principal, visibility, visibility_of
from chassis.errors import InvalidField
from chassis.idempotency import valid_request_id
from chassis.pages import next_token, page
from chassis.protos import id_of, stamp_of
from letterhead.identity.v1 import tenants_pb2 as pb
from letterhead.identity.v1 import tenants_pb2_grpc
from services.identity.errors import TenantNotFound
from services.identity.model.tenants import Allowance, Limits, Tenant, TenantChange, UnreadyPolicy
from services.identity.servicer.requests import line, paths_of
from services.identity.store.requests import Request
from services.identity.store.tenants import TenantStore

LONGEST_NAME = 100
LONGEST_REASON = 500
LIST = "tenants"
CHANGEABLE = ("name", "unready_policy", "max_send_rate", "daily_limit")
SEND_RATES = (0.01, 100_000.0)  # recipients per second
DAILY_LIMITS = (0, 1_000_000_000)  # recipients per day


class TenantServicer(tenants_pb2_grpc.TenantServiceServicer):
    """Serves tenants from the store."""

    def __init__(self, store: TenantStore) -> None:
        self._store = store

    async def CreateTenant(self, request: pb.CreateTenantRequest, context: Any) -> pb.CreateTenantResponse:
        name = line("name", request.name, longest=LONGEST_NAME)
        policy = _policy_of("unready_policy", request.unready_policy) or UnreadyPolicy.REFUSE
        limits = _limits_of("", request)
        own = (limits.max_send_rate, limits.daily_limit) if limits != Limits() else ()
        # Unset limits are left out, so that the hash matches requests stored before tenants had limits.
        content = (name, policy, *own)
        asked = Request(principal().tenant_id, "CreateTenant", valid_request_id(request.request_id), content)
        tenant = await self._store.create(name, policy, limits, asked)
        return pb.CreateTenantResponse(tenant=_to_proto(tenant))

    async def GetTenant(self, request: pb.GetTenantRequest, context: Any) -> pb.GetTenantResponse:
        sees = _named(request.tenant_id) if request.tenant_id else visibility_of(principal().tenant_id)
        tenant = _to_proto(await self._store.get(sees))
        tenant.allowance.CopyFrom(_allowance_to_proto(await self._store.allowance(sees)))
        return pb.GetTenantResponse(tenant=tenant)

    async def ListTenants(self, request: pb.ListTenantsRequest, context: Any) -> pb.ListTenantsResponse:
        sees = visibility()
        asked = page(request.page_size, request.page_token, of=LIST)
        found = await self._store.list_after(sees, asked.after_id(), asked.size + 1)
        shown = found[: asked.size]
        more = next_token(LIST, shown[-1].id) if len(found) > len(shown) else ""
        return pb.ListTenantsResponse(tenants=map(_to_proto, shown), next_page_token=more)

    async def UpdateTenant(self, request: pb.UpdateTenantRequest, context: Any) -> pb.UpdateTenantResponse:
        sees = _named(request.tenant.id)
        change = _change_of(request.tenant, paths_of(request.update_mask, CHANGEABLE))
        return pb.UpdateTenantResponse(tenant=_to_proto(await self._store.update(sees, change)))

    async def PauseTenant(self, request: pb.PauseTenantRequest, context: Any) -> pb.PauseTenantResponse:
        sees = _named(request.tenant_id)
        reason = line("reason", request.reason, longest=LONGEST_REASON, required=False)
        return pb.PauseTenantResponse(tenant=_to_proto(await self._store.pause(sees, reason)))

    async def ResumeTenant(self, request: pb.ResumeTenantRequest, context: Any) -> pb.ResumeTenantResponse:
        sees = _named(request.tenant_id)
        return pb.ResumeTenantResponse(tenant=_to_proto(await self._store.resume(sees)))


def _named(tenant_id: str) -> TenantVisibility:
    """Return the visibility of a tenant; an empty id does not default to the caller's own."""
    return visibility_of(id_of(tenant_id, TenantNotFound))


def _change_of(tenant: pb.Tenant, paths: frozenset[str]) -> TenantChange:
    """Return the new values of the fields in `paths`; ignore all other fields."""
    policy = None
    if "unready_policy" in paths:
        policy = _policy_of("tenant.unready_policy", tenant.unready_policy)
    return TenantChange(
        paths if policy else paths - {"unready_policy"},
        line("tenant.name", tenant.name, longest=LONGEST_NAME) if "name" in paths else "",
        policy or UnreadyPolicy.REFUSE,
        _limits_of("tenant.", tenant) if paths & {"max_send_rate", "daily_limit"} else Limits(),
    )


def _limits_of(path: str, asked: pb.Tenant | pb.CreateTenantRequest) -> Limits:
    rate = asked.max_send_rate if asked.HasField("max_send_rate") else None
    daily = asked.daily_limit if asked.HasField("daily_limit") else None
    _check_within(f"{path}max_send_rate", rate, SEND_RATES)
    _check_within(f"{path}daily_limit", daily, DAILY_LIMITS)
    return Limits(rate, daily)


def _check_within(field: str, value: float | None, bounds: tuple[float, float]) -> None:
    least, most = bounds
    if value is not None and not least <= value <= most:  # also rejects NaN
        raise InvalidField(field, "OUT_OF_RANGE", least=f"{least:.12g}", most=f"{most:.12g}")


def _policy_of(field: str, value: pb.Tenant.UnreadyPolicy.ValueType) -> UnreadyPolicy | None:
    """Return the policy, or None if it is unspecified."""
    policies = {
        pb.Tenant.UNREADY_POLICY_UNSPECIFIED: None,
        pb.Tenant.UNREADY_POLICY_REFUSE: UnreadyPolicy.REFUSE,
        pb.Tenant.UNREADY_POLICY_SHARED: UnreadyPolicy.SHARED,
    }
    if value not in policies:
        raise InvalidField(field, "UNKNOWN_VALUE", allowed=", ".join(UnreadyPolicy))
    return policies[value]


def _to_proto(tenant: Tenant) -> pb.Tenant:
    return pb.Tenant(
        id=str(tenant.id),
        name=tenant.name,
        is_operator=tenant.is_operator,
        state=pb.Tenant.State.Value(f"STATE_{tenant.state}"),
        unready_policy=pb.Tenant.UnreadyPolicy.Value(f"UNREADY_POLICY_{tenant.unready_policy}"),
        pause_reason=tenant.pause_reason,
        create_time=stamp_of(tenant.created_at),
        update_time=stamp_of(tenant.updated_at),
        max_send_rate=tenant.limits.max_send_rate,
        daily_limit=tenant.limits.daily_limit,
    )


def _allowance_to_proto(allowance: Allowance) -> pb.Allowance:
    return pb.Allowance(
        max_send_rate=allowance.limits.max_send_rate,
        daily_limit=allowance.limits.daily_limit,
        sent_today=allowance.sent_today,
        slow_reason=allowance.slow_reason,
        slow_until_time=stamp_of(allowance.slowed_until),
    )
