"""Calls inward by gRPC, each with the caller's own key, and what a refusal says. Not for any rule of its own.

Because console has no key of its own, one caller can see nothing of another's through it.
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
    settlement_pb2_grpc,
    suppressions_pb2_grpc,
    test_addresses_pb2_grpc,
)
from letterhead.verifier.v1 import verifier_pb2, verifier_pb2_grpc

DEADLINE = timedelta(seconds=10)

Response = TypeVar("Response")


class Addresses(Protocol):
    """Where the services are, host:port each."""

    @property
    def identity_address(self) -> str: ...
    @property
    def verifier_address(self) -> str: ...
    @property
    def sender_address(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request, by its path in the proto, and what is wrong with it."""

    field: str
    description: str


class Refused(Exception):
    """A service's no: `code` and `reason` for programs, `message` for people."""

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

    def of(self, field: str) -> "Refused":
        """Say the same of this field of what a caller gave, whatever field of the call it became."""
        violations = tuple(Violation(field, each.description) for each in self.violations)
        return Refused(self.code, self.reason, str(self), violations=violations, retry_after=self.retry_after)


class Calls:
    """The stubs of the services that console asks, and how they are called with somebody's key."""

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
        self.settlement = settlement_pb2_grpc.SettlementServiceStub(sender)

    async def ask(
        self,
        method: Callable[..., Awaitable[Response]],
        request: Any,
        *,
        key: str,
        deadline: timedelta = DEADLINE,
    ) -> Response:
        """Make one call with this key (empty: none). Raises Refused."""
        try:
            return await method(request, timeout=deadline.total_seconds(), metadata=_metadata(key))
        except grpc.aio.AioRpcError as error:
            raise _refused(error) from None

    async def watch(
        self, request: verifier_pb2.WatchDomainRequest, *, key: str
    ) -> AsyncGenerator[verifier_pb2.WatchDomainResponse, None]:
        """Give what is known of a domain, and each change until the server ends it. Raises Refused."""
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
    """Open one channel to each service while the block runs; a service that is away is tried again."""
    async with AsyncExitStack() as stack:
        identity, verifier, sender = [
            await stack.enter_async_context(channels.opened(address, tls))
            for address in (addresses.identity_address, addresses.verifier_address, addresses.sender_address)
        ]
        yield Calls(identity=identity, verifier=verifier, sender=sender)


_CODES = {code.value[0]: code for code in grpc.StatusCode}
_DETAILS = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo)


def _metadata(key: str) -> tuple[tuple[str, str], ...]:
    """Give what a call carries: the key, and the id that the logs of all services know the request by."""
    if key and not well_formed(key):  # whatever it is, it is not put into a header
        raise Refused(grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID", "this is no key, or it is mistyped")
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    known = (("x-request-id", request_id),) if request_id else ()
    return (("authorization", f"Bearer {key}"), *known) if key else known


def refusal_of(status: Status) -> Refused:
    """Read a refusal that came as a part of an answer."""
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
    return Refused(code, reason, status.message, violations=tuple(violations), retry_after=retry_after)


def _refused(error: grpc.aio.AioRpcError) -> Refused:
    """Read what a service says of its no; one that says nothing is away or was cut off."""
    if (status := rpc_status.from_call(error)) and status.message:
        return refusal_of(status)
    return Refused(
        error.code(), error.code().name, "A part of Letterhead does not answer; try again in a moment."
    )
