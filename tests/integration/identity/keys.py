"""API keys for tests: to create one, and to see whether it works."""

import grpc

from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import (
    CreateApiKeyRequest,
    CreateApiKeyResponse,
)
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest
from tests.integration.identity.callers import Caller

FULL, SENDING, ADMIN = scope_pb2.SCOPE_FULL_ACCESS, scope_pb2.SCOPE_SENDING_ACCESS, scope_pb2.SCOPE_ADMIN


async def create(
    caller: Caller, scope: scope_pb2.Scope.ValueType = FULL, **more: object
) -> CreateApiKeyResponse:
    request = CreateApiKeyRequest(name="deploy", scope=scope, **more)  # type: ignore[arg-type]
    answer: CreateApiKeyResponse = await caller.keys.CreateApiKey(request)
    return answer


async def works(caller: Caller) -> bool:
    try:
        await caller.tenants.GetTenant(GetTenantRequest())
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            return False
        raise
    return True
