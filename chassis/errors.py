"""The one tree of errors that callers may see, and its form on the wire.

    ServiceError
    ├── InvalidArgument     the request is wrong; `violations` name the fields
    │   └── InvalidField    one field of it is
    ├── NotFound            no such thing for this caller
    ├── AlreadyExists       the name or request id is taken
    ├── FailedPrecondition  right request, wrong state
    ├── Unauthenticated     no live key
    ├── PermissionDenied    a key with too small a scope
    ├── ResourceExhausted   too much, too fast; `retry_after` says when
    ├── Unavailable         something we need is away; `retry_after` says when
    ├── Aborted             lost a race; call again
    ├── DeadlineExceeded    took longer than allowed
    └── Internal            our mistake; details are in the log only

A reason is a name of `letterhead.errors.v1.ErrorReason`; a message says what happened and what to do next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "letterhead"
# In bytes. A status travels as HTTP/2 headers, percent- and base64-encoded; gRPC refuses 8 KiB of them.
MAX_MESSAGE = 600
MAX_TEXT = 200
MAX_DETAILS = 3072
MAX_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of the request, by its path in the proto, and what is wrong with it."""

    field: str
    reason_text: str


class ServiceError(Exception):
    """An error a caller may see. Raise one of the leaves."""

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
    """The request is wrong whatever the state; reason and message may be left to the violations."""

    code = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(
        self,
        reason: str = "INVALID_FIELD",
        message: str = "",
        *,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        said = message or "; ".join(f"{each.field}: {each.reason_text}" for each in violations)
        super().__init__(reason, said, metadata=metadata, violations=violations)


class InvalidField(InvalidArgument):
    """One field cannot be used; `problem` is a sentence without its subject, and says what to do."""

    def __init__(self, field: str, problem: str, *, reason: str = "INVALID_FIELD") -> None:
        super().__init__(reason, violations=[Violation(field, problem)])


class NotFound(ServiceError):
    """No such thing, or not this caller's: both look the same."""

    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(ServiceError):
    """The name or request id is taken by something else."""

    code = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(ServiceError):
    """The request is right, the state is not; calling again does not help until the state changes."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class PermissionDenied(ServiceError):
    """The key is live and its scope too small."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Unauthenticated(ServiceError):
    """No key, or none that lives."""

    code = grpc.StatusCode.UNAUTHENTICATED


class ResourceExhausted(ServiceError):
    """Too much or too fast."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(ServiceError):
    """Something we stand on is away; the same call may be made again."""

    code = grpc.StatusCode.UNAVAILABLE


class Aborted(ServiceError):
    """A race was lost (deadlock, lock not granted); the same call may be made again."""

    code = grpc.StatusCode.ABORTED


class DeadlineExceeded(ServiceError):
    """The work took longer than the caller or the server allows."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Internal(ServiceError):
    """Our mistake. The message is for the caller: no detail of the cause goes in it."""

    code = grpc.StatusCode.INTERNAL


def to_status(error: ServiceError, *, request_id: str = "") -> status_pb2.Status:
    """Write an error as google.rpc.Status with ErrorInfo, and BadRequest and RetryInfo where they apply.

    Long texts are cut and violations dropped from the end, so that the status always arrives.
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
        metadata.setdefault("request_id", request_id)  # a refusal may be about a request_id itself
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    ]
    if violations:
        details.append(_bad_request(violations))
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromTimedelta(error.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return details


def _bad_request(violations: Sequence[Violation]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=_short(each.field, 80), description=_short(each.reason_text)
            )
            for each in violations
        ]
    )


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _short(text: str, limit: int = MAX_TEXT) -> str:
    data = text.encode()
    return text if len(data) <= limit else data[: limit - 3].decode(errors="ignore") + "…"
