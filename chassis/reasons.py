"""How each error reason is reported, as the option `report` of `letterhead.errors.v1.ErrorReason` says."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.rpc import code_pb2

from letterhead.errors.v1.error_reason_pb2 import ErrorReason
from letterhead.errors.v1.options_pb2 import report

PREFIX = "ERROR_REASON_"


@dataclass(frozen=True, slots=True)
class Reported:
    """The code of a failed RPC; the status and name of the error in the API compatible with Resend."""

    code: grpc.StatusCode
    http_status: int
    http_name: str


def _reports() -> dict[str, Reported]:
    reports = {}
    for value in ErrorReason.DESCRIPTOR.values:
        if value.number:  # 0 is never returned
            option = value.GetOptions().Extensions[report]
            code = grpc.StatusCode[code_pb2.Code.Name(option.code)]
            reports[value.name.removeprefix(PREFIX)] = Reported(code, option.http_status, option.http_name)
    return reports


# By the name of the reason without its prefix, as in google.rpc.ErrorInfo.
REASONS: Mapping[str, Reported] = _reports()
