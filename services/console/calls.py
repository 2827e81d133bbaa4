"""gRPC calls to the other services, made with the caller's own key, and their errors.

Console has no key of its own, so a caller can never see another tenant's data through it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import grpc
import structlog
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from chassis import channels
from chassis.access import well_formed
from chassis.config import Tls
from letterhead.identity.v1 import api_keys_pb2_grpc, domains_pb2_grpc, links_pb2_grpc, tenants_pb2_grpc
from letterhead.sender.v1 import (
    emails_pb2_grpc,
    resolution_pb2_grpc,
    suppressions_pb2_grpc,
    test_addresses_pb2_grpc,
)
from letterhead.verifier.v1 import verifier_pb2, verifier_pb2_grpc

DEADLINE = timedelta(seconds=10)

Response = TypeVar("Response")


class Addresses(Protocol):
    """The addresses of the services, each as host:port."""

    @property
    def identity_address(self) -> str: ...
    @property
    def verifier_address(self) -> str: ...
    @property
    def sender_address(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Violation:
    """An invalid field of a request: its path in the proto and the description of the problem."""

    field: str
    description: str


class CallFailed(Exception):
    """An error returned by a service: `code` and `reason` for programs, `message` for people."""

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        violations: tuple[Violation, ...] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.violations = violations
        self.retry_after = retry_after

    def of(self, field: str) -> "CallFailed":
        """Return the same error with all violations reported for `field`, the caller's name of the input."""
        violations = tuple(Violation(field, each.description) for each in self.violations)
        return CallFailed(
            self.code, self.reason, str(self), violations=violations, retry_after=self.retry_after
        )


class Calls:
    """The stubs of the services that console calls, and methods to call them with a caller's key."""

    def __init__(
        self, *, identity: grpc.aio.Channel, verifier: grpc.aio.Channel, sender: grpc.aio.Channel
    ) -> None:
        self.tenants = tenants_pb2_grpc.TenantServiceStub(identity)
        self.api_keys = api_keys_pb2_grpc.ApiKeyServiceStub(identity)
        self.links = links_pb2_grpc.LinkServiceStub(identity)
        self.domains = domains_pb2_grpc.DomainServiceStub(identity)
        self.verifier = verifier_pb2_grpc.VerifierServiceStub(verifier)
        self.sender = emails_pb2_grpc.SenderServiceStub(sender)
        self.test_addresses = test_addresses_pb2_grpc.TestAddressServiceStub(sender)
        self.suppressions = suppressions_pb2_grpc.SuppressionServiceStub(sender)
        self.resolution = resolution_pb2_grpc.ResolutionServiceStub(sender)

    async def ask(
        self,
        method: Callable[..., Awaitable[Response]],
        request: Any,
        *,
        key: str,
        deadline: timedelta = DEADLINE,
    ) -> Response:
        """Make one call with this key; an empty key sends no credentials. Raise Refused."""
        try:
            return await method(request, timeout=deadline.total_seconds(), metadata=_metadata(key))
        except grpc.aio.AioRpcError as error:
            raise _refused(error) from None

    async def watch(
        self, request: verifier_pb2.WatchDomainRequest, *, key: str
    ) -> AsyncGenerator[verifier_pb2.WatchDomainResponse, None]:
        """Yield the state of a domain and each change until the server ends the stream. Raise Refused."""
        stream: Any = self.verifier.WatchDomain(request, metadata=_metadata(key))
        try:
            async for response in stream:
                yield response
        except grpc.aio.AioRpcError as error:
            raise _refused(error) from None
        finally:
            stream.cancel()


@asynccontextmanager
async def opened(addresses: Addresses, tls: Tls) -> AsyncIterator[Calls]:
    """Open one channel to each service until the block ends. Channels reconnect to services that are down."""
    async with AsyncExitStack() as stack:
        identity, verifier, sender = [
            await stack.enter_async_context(channels.opened(address, tls))
            for address in (addresses.identity_address, addresses.verifier_address, addresses.sender_address)
        ]
        yield Calls(identity=identity, verifier=verifier, sender=sender)


_CODES = {code.value[0]: code for code in grpc.StatusCode}
_DETAILS = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo)


def _metadata(key: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call: the key, and the request id that all services log."""
    if key and not well_formed(key):  # arbitrary text must not reach a header
        raise CallFailed(grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID", "Malformed API key")
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    known = (("x-request-id", request_id),) if request_id else ()
    return (("authorization", f"Bearer {key}"), *known) if key else known


def failure_of(status: Status) -> CallFailed:
    """Return the error that a google.rpc.Status describes."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    reason, violations, retry_after = code.name, [], None
    for detail in status.details:
        info, bad, retry = (kind() for kind in _DETAILS)
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            violations = [Violation(each.field, each.description) for each in bad.field_violations]
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta()
    return CallFailed(code, reason, status.message, violations=tuple(violations), retry_after=retry_after)


def _refused(error: grpc.aio.AioRpcError) -> CallFailed:
    """Return the error of a failed call. Without status details, the service is down or was cut off."""
    if (status := rpc_status.from_call(error)) and status.message:
        return failure_of(status)
    return CallFailed(
        error.code(), error.code().name, "A Letterhead service is not responding. Try again in a moment."
    )
