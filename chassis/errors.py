"""Exceptions that callers may see, and their form on the wire.

    ServiceError
    ├── InvalidArgument     the request is invalid; `violations` name the fields
    │   ├── InvalidField    one field of the request is invalid
    │   └── InvalidPageToken the page token is not one of this list
    ├── NotFound            the resource does not exist, or not for this caller
    ├── AlreadyExists       the name or request id is taken
    │   └── RequestIdReused the request id was used for a different request
    ├── FailedPrecondition  the request is valid, but the state does not allow it
    ├── Unauthenticated     no live key
    ├── PermissionDenied    the scope of the key does not allow the call
    ├── ResourceExhausted   a quota or rate limit is reached; `retry_after` says when to retry
    │   └── TooManyCodes    no more codes may be emailed now
    ├── Unavailable         a dependency is down; `retry_after` says when to retry
    ├── Aborted             concurrency conflict; retry the call
    ├── DeadlineExceeded    the call took longer than allowed
    └── Internal            a bug on our side; details are in the log only

A reason is a name of `letterhead.errors.v1.ErrorReason`, that of a violation one of `FieldReason`. A message
says what is wrong and what to do next, and metadata are its parameters.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from chassis.field_reasons import BadValue
from letterhead.errors.v1.field_reason_pb2 import FieldParameters

DOMAIN = "letterhead"
# In bytes. A status is sent in HTTP/2 headers, percent- and base64-encoded; gRPC rejects more than 8 KiB.
MAX_MESSAGE = 600
MAX_TEXT = 200
MAX_DETAILS = 3072
MAX_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of the request, by its path in the proto, and what is wrong with it."""

    field: str
    description: str
    reason: str = ""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)


def violation(path: str, reason: str, **metadata: object) -> Violation:
    """Return the violation of a field for a `FieldReason`, with its sentence."""
    return violation_of(path, BadValue(reason, **metadata))


def violation_of(path: str, bad: BadValue) -> Violation:
    """Return the violation of a field that has a bad value."""
    return Violation(path, str(bad), bad.reason, bad.metadata)


class ServiceError(Exception):
    """Base class of errors that a caller may see. Raise a subclass."""

    code = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after


class InvalidArgument(ServiceError):
    """The request is invalid in any state. Reason and message default to those of the violations."""

    code = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(
        self,
        reason: str = "INVALID_FIELD",
        message: str = "",
        *,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        text = message or "; ".join(f"{each.field}: {each.description}" for each in violations)
        super().__init__(reason, text, metadata=metadata, violations=violations)


class InvalidField(InvalidArgument):
    """One field is invalid for a `FieldReason`, with the parameters of its sentence."""

    def __init__(self, path: str, reason: str, **metadata: object) -> None:
        super().__init__(violations=[violation(path, reason, **metadata)])

    @classmethod
    def of(cls, path: str, bad: BadValue) -> "InvalidField":
        """Return the error for a field that has a bad value."""
        return cls(path, bad.reason, **bad.metadata)


class InvalidPageToken(InvalidArgument):
    """The page token was not returned by this list."""

    def __init__(self) -> None:
        super().__init__("INVALID_PAGE_TOKEN", violations=[violation("page_token", "NOT_OF_THIS_LIST")])


class NotFound(ServiceError):
    """The resource does not exist or is not visible to the caller; callers cannot tell which."""

    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(ServiceError):
    """The name or request id is already in use."""

    code = grpc.StatusCode.ALREADY_EXISTS


class RequestIdReused(AlreadyExists):
    """The request_id was already used for a different request."""

    def __init__(self, request_id: str) -> None:
        message = "This request_id was used before for a different request. Use a new one for each request."
        super().__init__("REQUEST_ID_REUSED", message, metadata={"request_id": request_id})


class FailedPrecondition(ServiceError):
    """The request is valid, but the state does not allow it. Retrying fails until the state changes."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class PermissionDenied(ServiceError):
    """The key is live, but its scope does not allow the call."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Unauthenticated(ServiceError):
    """The call has no key, or the key is not live."""

    code = grpc.StatusCode.UNAUTHENTICATED


class ResourceExhausted(ServiceError):
    """A quota or rate limit is reached."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class TooManyCodes(ResourceExhausted):
    """The limit of codes that may be emailed for one purpose, for a tenant or to an address is reached."""

    def __init__(self, retry_after: timedelta) -> None:
        minutes = max(1, math.ceil(retry_after.total_seconds() / 60))
        message = f"Code limit reached. Check the spam folder, or try again in {minutes} min."
        super().__init__("RATE_EXCEEDED", message, retry_after=retry_after)


class Unavailable(ServiceError):
    """A dependency is down. The caller may retry the same call."""

    code = grpc.StatusCode.UNAVAILABLE


class Aborted(ServiceError):
    """Concurrency conflict, such as a deadlock or a lock timeout. The caller may retry the same call."""

    code = grpc.StatusCode.ABORTED


class DeadlineExceeded(ServiceError):
    """The call took longer than the caller or the server allows."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Internal(ServiceError):
    """A bug on our side. The caller sees the message, so it must not contain details of the cause."""

    code = grpc.StatusCode.INTERNAL


def to_status(error: ServiceError, *, request_id: str = "") -> status_pb2.Status:
    """Return an error as google.rpc.Status with ErrorInfo, and BadRequest and RetryInfo where they apply.

    Truncates long texts and drops the last violations, so that the status always fits the header limit.
    """
    status = status_pb2.Status(code=error.code.value[0], message=_short(error.message, MAX_MESSAGE))
    for count in range(min(len(error.violations), MAX_VIOLATIONS), -1, -1):
        del status.details[:]
        status.details.extend(map(_packed, _details(error, error.violations[:count], request_id)))
        if status.ByteSize() <= MAX_DETAILS:
            break
    return status


def _details(error: ServiceError, violations: Sequence[Violation], request_id: str) -> list[Message]:
    metadata = {key: _short(value) for key, value in error.metadata.items()}
    if request_id:
        metadata.setdefault("request_id", request_id)  # an error about a request_id already has one
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    ]
    if violations:
        details += _violated(violations)
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromTimedelta(error.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return details


def _violated(violations: Sequence[Violation]) -> list[Message]:
    """Return the violations, and their parameters if any has some."""
    details: list[Message] = [
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field=_short(each.field, 80), description=_short(each.description), reason=each.reason
                )
                for each in violations
            ]
        )
    ]
    if any(each.metadata for each in violations):
        parameters = FieldParameters()
        for each in violations:
            metadata = {key: _short(value) for key, value in each.metadata.items()}
            parameters.violations.add(metadata=metadata)
        details.append(parameters)
    return details


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _short(text: str, limit: int = MAX_TEXT) -> str:
    data = text.encode()
    return text if len(data) <= limit else data[: limit - 3].decode(errors="ignore") + "…"
