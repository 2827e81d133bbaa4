"""Print docs/errors.md, generated from the .proto files: every error reason, its code, and what to do."""

import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from chassis.reasons import PREFIX, REASONS

HEADER = """# Errors

Generated from `protos/letterhead/errors/v1/error_reason.proto` by `make docs`. Edit that file.

A failed call returns a gRPC code, a message that says what to do, and `google.rpc.ErrorInfo` with
`domain: "letterhead"`, one of these reasons, and the parameters of the message as metadata. Invalid fields
are listed in `google.rpc.BadRequest`. If a retry can succeed, `google.rpc.RetryInfo` says how long to wait.
Reasons are part of the API; messages may be reworded at any time.

The HTTP columns are the status and `name` of the error in the [API compatible with Resend](resend.md).
Invalid fields may have another name there, such as `invalid_from_address`.

| reason | gRPC code | HTTP status | HTTP name | meaning, and what to do |
|---|---|---|---|---|
"""
ENUM, VALUES = 5, 2


def document(descriptors: bytes) -> str:
    """Return the page, generated from the descriptor set with comments."""
    files = FileDescriptorSet.FromString(descriptors).file
    file = next(file for file in files if file.name == "letterhead/errors/v1/error_reason.proto")
    comments = {
        tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location
    }
    rows = [
        _row(value.name.removeprefix(PREFIX), comments[ENUM, 0, VALUES, index])
        for index, value in enumerate(file.enum_type[0].value)
        if value.number
    ]
    return HEADER + "\n".join(rows) + "\n"


def _row(reason: str, comment: str) -> str:
    reported = REASONS[reason]
    return (
        f"| `{reason}` | {reported.code.name} | {reported.http_status} | `{reported.http_name}` | {comment} |"
    )


if __name__ == "__main__":
    sys.stdout.write(document(Path("gen/letterhead.binpb").read_bytes()))
