"""A test service with configurable behaviour on a real server, called through a real channel."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis import config
from chassis.database import open_database
from chassis.server import Registration, main, serving
from letterhead.identity.v1 import tenants_pb2, tenants_pb2_grpc
from letterhead.verifier.v1 import verifier_pb2, verifier_pb2_grpc

Act = Callable[[], Awaitable[None]]

PLAINTEXT = config.Tls(grpc_plaintext=True)
LARGE = frozenset({"GetTenant"})
TENANTS = "letterhead.identity.v1.TenantService"


class Probe:
    """Servicer that runs the action of the test and then responds; the stream also responds before."""

    def __init__(self, act: Act) -> None:
        self._act = act

    async def get_tenant(self, request: Any, _: Any) -> tenants_pb2.GetTenantResponse:
        """Run the action, and respond with the id from the request."""
        await self._act()
        return tenants_pb2.GetTenantResponse(tenant=tenants_pb2.Tenant(id=request.tenant_id))

    async def watch_domain(self, _: Any, __: Any) -> AsyncIterator[verifier_pb2.WatchDomainResponse]:
        """Respond once, run the action, and respond again."""
        yield verifier_pb2.WatchDomainResponse()
        await self._act()
        yield verifier_pb2.WatchDomainResponse()


def a_server(**changes: Any) -> config.Server:
    """Return settings of a server on a free port with a short drain."""
    defaults: dict[str, Any] = {"grpc_port": 0, "grpc_host": "127.0.0.1", "drain": timedelta(seconds=2)}
    plain = "grpc_certificate_file" not in changes
    return config.Server(**defaults | {"grpc_plaintext": plain} | changes)


def registrations(act: Act) -> list[Registration]:
    """Return the probe as two services; all other methods are UNIMPLEMENTED."""
    probe = Probe(act)
    tenants = type("Tenants", (tenants_pb2_grpc.TenantServiceServicer,), {"GetTenant": probe.get_tenant})
    verifier = type(
        "Verifier", (verifier_pb2_grpc.VerifierServiceServicer,), {"WatchDomain": probe.watch_domain}
    )
    return [
        Registration(tenants_pb2_grpc.add_TenantServiceServicer_to_server, tenants(), LARGE),
        Registration(verifier_pb2_grpc.add_VerifierServiceServicer_to_server, verifier()),
    ]


@asynccontextmanager
async def serve(
    act: Act, settings: config.Server | None = None, **parts: Any
) -> AsyncIterator[grpc.aio.Channel]:
    """Run a server whose methods run `act`; yield a channel to it."""
    async with (
        serving(settings or a_server(), registrations=registrations(act), **parts) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


async def nothing() -> None:
    """Do nothing."""


def get_tenant(channel: grpc.aio.Channel, tenant_id: str = "", **options: Any) -> Any:
    """Call the unary method; `key` becomes the authorization header."""
    key = options.pop("key", None)
    metadata = [("authorization", f"Bearer {key}")] if key else []
    metadata += options.pop("metadata", [])
    request = tenants_pb2.GetTenantRequest(tenant_id=tenant_id)
    return tenants_pb2_grpc.TenantServiceStub(channel).GetTenant(request, metadata=metadata, **options)


def watch(channel: grpc.aio.Channel) -> Any:
    """Call the streaming method."""
    return verifier_pb2_grpc.VerifierServiceStub(channel).WatchDomain(verifier_pb2.WatchDomainRequest())


def details(error: grpc.aio.AioRpcError) -> dict[type, Any]:
    """Return the google.rpc details of an error by type."""
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
    """Return the reason in the error's ErrorInfo."""
    return str(details(error)[error_details_pb2.ErrorInfo].reason)


@dataclass(frozen=True, kw_only=True)
class Config:
    server: config.Server
    database: config.Database


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run a minimal service, built like the real ones."""
    async with (
        open_database(settings.database, application_name="probe") as database,
        serving(settings.server, database=database, registrations=registrations(nothing)) as port,
    ):
        yield port


if __name__ == "__main__":
    main(running, Config)
