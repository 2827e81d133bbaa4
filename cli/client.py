"""gRPC client of the services: the generated stubs, called with an API key."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis import channels
from cli.installation import Installation
from letterhead.identity.v1 import api_keys_pb2_grpc, domains_pb2_grpc, links_pb2_grpc, tenants_pb2_grpc
from letterhead.sender.v1 import (
    emails_pb2_grpc,
    resolution_pb2_grpc,
    suppressions_pb2_grpc,
    test_addresses_pb2_grpc,
)
from letterhead.verifier.v1 import verifier_pb2_grpc
from letterhead.webhooks.v1 import feedback_pb2_grpc
from services import with_grpc


class _Bearer:
    """Adds the API key to a call. gRPC needs one interceptor class per kind of call, so there are two."""

    def __init__(self, key: str) -> None:
        self._header = ("authorization", f"Bearer {key}")

    def with_key(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._header)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )


class _UnaryBearer(_Bearer, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self.with_key(client_call_details), request)


class _StreamBearer(_Bearer, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self.with_key(client_call_details), request)


class Services:
    """Stubs of all services, called with one API key."""

    def __init__(self, channels: dict[str, grpc.aio.Channel]) -> None:
        self.tenants = tenants_pb2_grpc.TenantServiceStub(channels["identity"])
        self.api_keys = api_keys_pb2_grpc.ApiKeyServiceStub(channels["identity"])
        self.links = links_pb2_grpc.LinkServiceStub(channels["identity"])
        self.domains = domains_pb2_grpc.DomainServiceStub(channels["identity"])
        self.verifier = verifier_pb2_grpc.VerifierServiceStub(channels["verifier"])
        self.sender = emails_pb2_grpc.SenderServiceStub(channels["sender"])
        self.resolution = resolution_pb2_grpc.ResolutionServiceStub(channels["sender"])
        self.test_addresses = test_addresses_pb2_grpc.TestAddressServiceStub(channels["sender"])
        self.suppressions = suppressions_pb2_grpc.SuppressionServiceStub(channels["sender"])
        self.feedback = feedback_pb2_grpc.FeedbackServiceStub(channels["webhooks"])


@asynccontextmanager
async def connect(installation: Installation, key: str | None = None) -> AsyncIterator[Services]:
    """Open channels to the services; `key` defaults to the installation's `api_key`."""
    token = key or installation.api_key
    async with AsyncExitStack() as stack:
        bearers: list[grpc.aio.ClientInterceptor] = [_UnaryBearer(token), _StreamBearer(token)]
        tls = installation.tls
        opened = {
            each.name: await stack.enter_async_context(
                channels.opened(getattr(installation, each.name), tls, bearers)
            )
            for each in with_grpc()
        }
        yield Services(opened)


def explain(error: grpc.aio.AioRpcError) -> list[str]:
    """Return a failed call as lines to print: the error, the invalid fields, and when to retry."""
    lines = [f"{error.code().name}: {error.details()}"]
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        bad_request = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(bad_request):
            violations = [f"{each.field}: {each.description}" for each in bad_request.field_violations]
            lines += [f"  {violation}" for violation in violations if violation not in lines[0]]
        elif detail.Unpack(retry):
            lines.append(f"  Try again in {retry.retry_delay.ToTimedelta().total_seconds():g} s.")
    return lines
