"""How each reason is reported, and which rpcs can return it, as the options of the contract say."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.descriptor_pb2 import MethodOptions
from google.rpc import code_pb2

from letterhead.errors.v1.error_reason_pb2 import ErrorReason
from letterhead.errors.v1.field_reason_pb2 import FieldReason
from letterhead.errors.v1.options_pb2 import field_report, report
from letterhead.errors.v1.rpc_errors_pb2 import errors

PREFIX = "ERROR_REASON_"
FIELD_PREFIX = "FIELD_REASON_"


@dataclass(frozen=True, slots=True)
class Reported:
    """The code and metadata of a failed RPC; its status and name in the API compatible with Resend.

    Any RPC can fail with a reason that has `any_rpc`.
    """

    code: grpc.StatusCode
    http_status: int
    http_name: str
    metadata: tuple[str, ...]
    any_rpc: bool


def _reports() -> dict[str, Reported]:
    reports = {}
    for value in ErrorReason.DESCRIPTOR.values:
        if value.number:  # 0 is never returned
            option = value.GetOptions().Extensions[report]
            code = grpc.StatusCode[code_pb2.Code.Name(option.code)]
            reports[value.name.removeprefix(PREFIX)] = Reported(
                code, option.http_status, option.http_name, tuple(option.metadata), option.any_rpc
            )
    return reports


# By the name of the reason without its prefix, as in google.rpc.ErrorInfo.
REASONS: Mapping[str, Reported] = _reports()
# The keys of the parameters of a field's violation, by the name of its reason without its prefix.
FIELD_REASONS: Mapping[str, tuple[str, ...]] = {
    value.name.removeprefix(FIELD_PREFIX): tuple(value.GetOptions().Extensions[field_report].metadata)
    for value in FieldReason.DESCRIPTOR.values
    if value.number
}


def reasons_of(method: MethodOptions) -> tuple[str, ...]:
    """Return the reasons for which an rpc can fail, besides those of any rpc."""
    return tuple(ErrorReason.Name(each).removeprefix(PREFIX) for each in method.Extensions[errors].reasons)


def worded(words: Mapping[str, str], reason: str, metadata: Mapping[str, str], otherwise: str) -> str:
    """Return the words for a reason; `otherwise` if it has none, or if an older service omits a parameter."""
    try:
        return words[reason].format_map(metadata)
    except KeyError:
        return otherwise
