"""Calls to other services: each with a key, the request id and a deadline, and with its error decoded.

`chassis.channels` opens the channels, which retry calls while a service is down.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import zip_longest
from typing import Any, TypeVar

import grpc
import structlog
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from chassis.access import well_formed
from chassis.errors import Violation
from chassis.ids import REQUEST_ID
from letterhead.errors.v1.field_reason_pb2 import FieldParameters

DEADLINE = timedelta(seconds=10)
NOT_RESPONDING = "A Letterhead service is not responding. Try again in a moment."

Response = TypeVar("Response")
Metadata = tuple[tuple[str, str], ...]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class CallFailed(Exception):
    """An error returned by a service: `code`, `reason` and `metadata` for programs, `message` for people."""

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after

    def of(self, field: str) -> "CallFailed":
        """Return the same error with all violations reported for `field`, the caller's name of the input."""
        return CallFailed(
            self.code,
            self.reason,
            self.message,
            metadata=self.metadata,
            violations=[replace(each, field=field) for each in self.violations],
            retry_after=self.retry_after,
        )


async def call(
    method: Callable[..., Awaitable[Response]], request: Any, *, key: str, deadline: timedelta = DEADLINE
) -> Response:
    """Make one call with this key; an empty key sends no credentials. Raise CallFailed."""
    try:
        return await method(request, timeout=deadline.total_seconds(), metadata=_metadata(key))
    except grpc.aio.AioRpcError as error:
        raise failure_of(error) from None


async def stream(method: Callable[..., Any], request: Any, *, key: str) -> AsyncGenerator[Any]:
    """Yield each response of a streaming call until the server ends it. Raise CallFailed."""
    responses = method(request, metadata=_metadata(key))
    try:
        async for response in responses:
            yield response
    except grpc.aio.AioRpcError as error:
        raise failure_of(error) from None
    finally:
        responses.cancel()


def failure_of(error: grpc.aio.AioRpcError) -> CallFailed:
    """Return the error of a failed call. Without status details, the service is down or was cut off."""
    if (status := rpc_status.from_call(error)) and status.message:
        return failure_of_status(status)
    return CallFailed(error.code(), error.code().name, NOT_RESPONDING)


def failure_of_status(status: Status) -> CallFailed:
    """Return the error that a google.rpc.Status describes, such as one of an item in a response."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    info, retry = error_details_pb2.ErrorInfo(reason=code.name), error_details_pb2.RetryInfo()
    bad, parameters = error_details_pb2.BadRequest(), FieldParameters()
    for detail in status.details:
        for known in (info, retry, bad, parameters):
            detail.Unpack(known)  # leaves a message of another type as it is
    return CallFailed(
        code,
        info.reason,
        status.message,
        metadata=info.metadata,
        violations=_violations(bad, parameters),
        retry_after=retry.retry_delay.ToTimedelta() if retry.HasField("retry_delay") else None,
    )


def _violations(bad: error_details_pb2.BadRequest, parameters: FieldParameters) -> list[Violation]:
    return [
        Violation(each.field, each.description, each.reason, dict(its.metadata) if its else {})
        for each, its in zip_longest(bad.field_violations, parameters.violations)
        if each is not None
    ]


def interceptors_for(key: str) -> list[grpc.aio.ClientInterceptor]:
    """Return the interceptors of a channel whose calls all have this key."""
    return [_UnaryKey(key), _StreamKey(key)]


class _Key:
    """Adds the key to a call. gRPC needs one interceptor class per kind of call, so there are two."""

    def __init__(self, key: str) -> None:
        self._header = _bearer(key)

    def with_key(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._header)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )


class _UnaryKey(_Key, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self.with_key(client_call_details), request)


class _StreamKey(_Key, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self.with_key(client_call_details), request)


def _metadata(key: str) -> Metadata:
    """Return the metadata of a call: the key, and the id of the current request, which all services log."""
    if key and not well_formed(key):  # arbitrary text must not reach a header
        raise CallFailed(grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID", "Malformed API key.")
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    credentials = (_bearer(key),) if key else ()
    return (*credentials, (REQUEST_ID, request_id)) if request_id else credentials


def _bearer(key: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {key}")
