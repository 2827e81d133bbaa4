"""Print docs/errors.md, generated from the .proto files: every error reason, its code, and what to do."""

import re
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

HEADER = """# Errors

Generated from `protos/letterhead/errors/v1/error_reason.proto` by `make docs`. Edit that file.

A failed call returns a gRPC code, a message that says what to do, and `google.rpc.ErrorInfo` with
`domain: "letterhead"`, one of these reasons, and the parameters of the message as metadata. Invalid fields
are listed in `google.rpc.BadRequest`. If a retry can succeed, `google.rpc.RetryInfo` says how long to wait.
Reasons are part of the API; messages may be reworded at any time.

| reason | code | meaning, and what to do |
|---|---|---|
"""
ENUM, VALUES = 5, 2
CODES = {
    "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "PERMISSION_DENIED",
    "UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "ABORTED", "INTERNAL", "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
}  # fmt: skip


def document(descriptors: bytes) -> str:
    """Return the page, generated from the descriptor set with comments."""
    files = FileDescriptorSet.FromString(descriptors).file
    file = next(file for file in files if file.name == "letterhead/errors/v1/error_reason.proto")
    comments = {
        tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location
    }
    rows = [
        _row(value.name.removeprefix("ERROR_REASON_"), comments[ENUM, 0, VALUES, index])
        for index, value in enumerate(file.enum_type[0].value)
        if value.number
    ]
    return HEADER + "\n".join(rows) + "\n"


def _row(reason: str, comment: str) -> str:
    found = next(word for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", comment) if word in CODES)
    text = re.sub(rf"\b{found}\b( with `[^`]*`)?[.,]\s*", "", comment, count=1)
    return f"| `{reason}` | {found} | {text} |"


if __name__ == "__main__":
    sys.stdout.write(document(Path("gen/letterhead.binpb").read_bytes()))
