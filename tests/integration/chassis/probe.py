"""A service that does what a test tells it, on a real server, called through a real channel."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis import config
from chassis.server import Registration, serving
from letterhead.identity.v1 import tenants_pb2, tenants_pb2_grpc
from letterhead.verifier.v1 import verifier_pb2, verifier_pb2_grpc

Act = Callable[[], Awaitable[None]]

TENANTS = "letterhead.identity.v1.TenantService"


class Tenants(tenants_pb2_grpc.TenantServiceServicer):
    """One unary method that first does what the test says, and then answers with the tenant's id."""

    def __init__(self, act: Act) -> None:
        self._act = act

    async def GetTenant(self, request: Any, context: Any) -> tenants_pb2.GetTenantResponse:  # noqa: N802
        await self._act()
        return tenants_pb2.GetTenantResponse(tenant=tenants_pb2.Tenant(id=request.tenant_id))


class Verifier(verifier_pb2_grpc.VerifierServiceServicer):
    """One streaming method that answers once, does what the test says, and answers again."""

    def __init__(self, act: Act) -> None:
        self._act = act

    async def WatchDomain(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[verifier_pb2.WatchDomainResponse]:
        yield verifier_pb2.WatchDomainResponse()
        await self._act()
        yield verifier_pb2.WatchDomainResponse()


def a_server(**changes: Any) -> config.Server:
    """Settings of a server on a free port that gives up fast."""
    quick = {"grpc_port": 0, "grpc_host": "127.0.0.1", "drain": timedelta(seconds=2)}
    return config.Server(**quick | changes)


def registrations(act: Act) -> list[Registration]:
    return [
        Registration(tenants_pb2_grpc.add_TenantServiceServicer_to_server, Tenants(act), TENANTS),
        Registration(
            verifier_pb2_grpc.add_VerifierServiceServicer_to_server,
            Verifier(act),
            "letterhead.verifier.v1.VerifierService",
        ),
    ]


@asynccontextmanager
async def serve(
    act: Act, settings: config.Server | None = None, **parts: Any
) -> AsyncIterator[grpc.aio.Channel]:
    """A server whose methods do `act`, and a channel to it."""
    async with serving(settings or a_server(), registrations=registrations(act), **parts) as port:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel


async def nothing() -> None:
    """Does nothing."""


def get_tenant(channel: grpc.aio.Channel, tenant_id: str = "", **options: Any) -> Any:
    """Calls the unary method; `key` becomes the authorization header."""
    key = options.pop("key", None)
    metadata = [("authorization", f"Bearer {key}")] if key else []
    metadata += options.pop("metadata", [])
    request = tenants_pb2.GetTenantRequest(tenant_id=tenant_id)
    return tenants_pb2_grpc.TenantServiceStub(channel).GetTenant(request, metadata=metadata, **options)


def watch(channel: grpc.aio.Channel) -> Any:
    """Calls the streaming method."""
    return verifier_pb2_grpc.VerifierServiceStub(channel).WatchDomain(verifier_pb2.WatchDomainRequest())


def details(error: grpc.aio.AioRpcError) -> dict[type, Any]:
    """The google.rpc details of an error, by type."""
    kinds = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo)
    status = rpc_status.from_call(error)
    found = {}
    for packed in status.details if status else ():
        for kind in kinds:
            detail = kind()
            if packed.Unpack(detail):
                found[kind] = detail
    return found


def reason(error: grpc.aio.AioRpcError) -> str:
    """The reason in the error's ErrorInfo."""
    return str(details(error)[error_details_pb2.ErrorInfo].reason)
