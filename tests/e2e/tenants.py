"""Tenants of their own for tests whose pages or limits others would disturb."""

from letterhead.access.v1.scope_pb2 import SCOPE_FULL_ACCESS
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest
from tests.e2e.conftest import World


async def a_tenant_key(world: World, name: str) -> str:
    """Create a tenant and return a key of it."""
    tenant = (await world.admin.tenants.CreateTenant(CreateTenantRequest(name=name))).tenant
    request = CreateApiKeyRequest(tenant_id=tenant.id, name="test", scope=SCOPE_FULL_ACCESS)
    return (await world.admin.api_keys.CreateApiKey(request)).token
