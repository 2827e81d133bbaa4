"""Prints docs/errors.md, made from the contract: every reason to fail, its code, and what to do."""

import re
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

HEADER = """# Errors

Made from `protos/letterhead/errors/v1/error_reason.proto` by `make docs`; change it there.

A failed call has a gRPC code, a sentence that says what to do, and `google.rpc.ErrorInfo` with
`domain: "letterhead"`, one of these reasons, and the values of the sentence as metadata. Bad fields are
listed in `google.rpc.BadRequest`; where waiting helps, `google.rpc.RetryInfo` says how long. Reasons are part
of the contract; sentences may be reworded.

| reason | code | what it means, and what to do |
|---|---|---|
"""
ENUM, VALUES = 5, 2
CODES = {
    "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "PERMISSION_DENIED",
    "UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "ABORTED", "INTERNAL", "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
}  # fmt: skip


def document(descriptors: bytes) -> str:
    """The page, from the compiled contract with its comments."""
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
