# ruff: noqa: ARG002, N802 - rpcs bear the contract's names, and gRPC hands each a context
"""TenantService: tenants, for operators."""

from typing import Any

from chassis.access import Scope, require, tenant_for
from chassis.errors import InvalidField
from chassis.pages import next_token, page
from chassis.protos import id_of, stamp_of
from letterhead.identity.v1 import tenants_pb2 as pb
from letterhead.identity.v1 import tenants_pb2_grpc
from services.identity.model import Tenant, UnreadyPolicy
from services.identity.protos import line, paths_of, request_id_of
from services.identity.refusals import TenantNotFound
from services.identity.store_requests import Request
from services.identity.store_tenants import TenantStore

LONGEST_NAME = 100
LONGEST_REASON = 500
LIST = "tenants"


class TenantServicer(tenants_pb2_grpc.TenantServiceServicer):
    """Answers from the store."""

    def __init__(self, store: TenantStore) -> None:
        self._store = store

    async def CreateTenant(self, request: pb.CreateTenantRequest, context: Any) -> pb.CreateTenantResponse:
        caller = require(Scope.ADMIN)
        name = line("name", request.name, longest=LONGEST_NAME)
        policy = _policy_of("unready_policy", request.unready_policy) or UnreadyPolicy.REFUSE
        asked = Request(caller.tenant_id, "CreateTenant", request_id_of(request.request_id), (name, policy))
        return pb.CreateTenantResponse(tenant=_to_proto(await self._store.create(name, policy, asked)))

    async def GetTenant(self, request: pb.GetTenantRequest, context: Any) -> pb.GetTenantResponse:
        if request.tenant_id:
            id_of(request.tenant_id, TenantNotFound)
        tenant_id = tenant_for(request.tenant_id)
        return pb.GetTenantResponse(tenant=_to_proto(await self._store.get(tenant_id)))

    async def ListTenants(self, request: pb.ListTenantsRequest, context: Any) -> pb.ListTenantsResponse:
        require(Scope.ADMIN)
        asked = page(request.page_size, request.page_token, of=LIST)
        found = await self._store.list_after(asked.after_id(), asked.size + 1)
        shown = found[: asked.size]
        more = next_token(LIST, shown[-1].id) if len(found) > len(shown) else ""
        return pb.ListTenantsResponse(tenants=map(_to_proto, shown), next_page_token=more)

    async def UpdateTenant(self, request: pb.UpdateTenantRequest, context: Any) -> pb.UpdateTenantResponse:
        require(Scope.ADMIN)
        tenant_id = id_of(request.tenant.id, TenantNotFound)
        paths = paths_of(request.update_mask, ("name", "unready_policy"))
        name = line("tenant.name", request.tenant.name, longest=LONGEST_NAME) if "name" in paths else None
        policy = None
        if "unready_policy" in paths:
            policy = _policy_of("tenant.unready_policy", request.tenant.unready_policy)
        return pb.UpdateTenantResponse(tenant=_to_proto(await self._store.update(tenant_id, name, policy)))

    async def PauseTenant(self, request: pb.PauseTenantRequest, context: Any) -> pb.PauseTenantResponse:
        require(Scope.SERVICE)
        tenant_id = id_of(request.tenant_id, TenantNotFound)
        reason = line("reason", request.reason, longest=LONGEST_REASON, required=False)
        return pb.PauseTenantResponse(tenant=_to_proto(await self._store.pause(tenant_id, reason)))

    async def ResumeTenant(self, request: pb.ResumeTenantRequest, context: Any) -> pb.ResumeTenantResponse:
        require(Scope.ADMIN)
        tenant_id = id_of(request.tenant_id, TenantNotFound)
        return pb.ResumeTenantResponse(tenant=_to_proto(await self._store.resume(tenant_id)))


def _policy_of(field: str, value: pb.Tenant.UnreadyPolicy.ValueType) -> UnreadyPolicy | None:
    """Reads a policy; None when unspecified."""
    policies = {
        pb.Tenant.UNREADY_POLICY_UNSPECIFIED: None,
        pb.Tenant.UNREADY_POLICY_REFUSE: UnreadyPolicy.REFUSE,
        pb.Tenant.UNREADY_POLICY_SHARED: UnreadyPolicy.SHARED,
    }
    if value not in policies:
        raise InvalidField(field, "is not a policy; choose REFUSE or SHARED")
    return policies[value]


def _to_proto(tenant: Tenant) -> pb.Tenant:
    return pb.Tenant(
        id=str(tenant.id),
        name=tenant.name,
        state=pb.Tenant.State.Value(f"STATE_{tenant.state}"),
        unready_policy=pb.Tenant.UnreadyPolicy.Value(f"UNREADY_POLICY_{tenant.unready_policy}"),
        pause_reason=tenant.pause_reason,
        create_time=stamp_of(tenant.created_at),
        update_time=stamp_of(tenant.updated_at),
    )
