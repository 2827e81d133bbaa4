"""Print docs/errors.md, generated from the .proto files: every reason, and the reasons of each rpc."""

import sys
from collections.abc import Iterable, Iterator
from itertools import starmap
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from chassis.reasons import FIELD_PREFIX, FIELD_REASONS, PREFIX, REASONS, reasons_of
from chassis.scopes import scopes_of

HEADER = """# Errors

Generated from the files in `protos/letterhead/` by `make docs`. Edit those files.

A failed call returns a gRPC code, a message that says what to do, and `google.rpc.ErrorInfo` with
`domain: "letterhead"`, one of these reasons, and the parameters of the message as metadata. If a retry can
succeed, `google.rpc.RetryInfo` says how long to wait. Reasons are part of the API; messages may be reworded
at any time, so choose your words by reason and parameters.

The HTTP columns are the status and `name` of the error in the [API compatible with Resend](resend.md).
Invalid fields may have another name there, such as `invalid_from_address`.

| reason | gRPC code | HTTP status | HTTP name | metadata | meaning, and what to do |
|---|---|---|---|---|---|
"""
FIELDS = """
## Invalid fields

`google.rpc.BadRequest` has one violation for each invalid field, with its path, a description and one of
these reasons. The parameters of each violation are in `letterhead.errors.v1.FieldParameters`, in the same
order. A From address that may not be used has the reason of the error instead.

| reason | parameters | meaning |
|---|---|---|
"""
RPCS = """
## RPCs

A key or link may call an RPC if its scope is listed; `ADMIN` may call every RPC. The reasons are those of the
RPC itself. Any RPC can also fail with {any_rpc}.

| RPC | scopes | reasons |
|---|---|---|
"""
ENUM, VALUES = 5, 2


def document(descriptors: bytes) -> str:
    """Return the page, generated from the descriptor set with comments."""
    files = {each.name: each for each in FileDescriptorSet.FromString(descriptors).file}
    any_rpc = _keys(reason for reason, reported in REASONS.items() if reported.any_rpc)
    errors = _comments(files["letterhead/errors/v1/error_reason.proto"], PREFIX)
    fields = _comments(files["letterhead/errors/v1/field_reason.proto"], FIELD_PREFIX)
    rpcs = [RPCS.format(any_rpc=any_rpc), *_rpc_rows(files.values())]
    return "".join([HEADER, *starmap(_row, errors), *rpcs, FIELDS, *starmap(_field_row, fields)])


def _comments(file: FileDescriptorProto, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield each value of the file's enum without its prefix, and its comment."""
    comments = {
        tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location
    }
    for index, value in enumerate(file.enum_type[0].value):
        if value.number:
            yield value.name.removeprefix(prefix), comments[ENUM, 0, VALUES, index]


def _row(reason: str, comment: str) -> str:
    reported = REASONS[reason]
    return (
        f"| `{reason}` | {reported.code.name} | {reported.http_status} | `{reported.http_name}` "
        f"| {_keys(reported.metadata)} | {comment} |\n"
    )


def _field_row(reason: str, comment: str) -> str:
    return f"| `{reason}` | {_keys(FIELD_REASONS[reason])} | {comment} |\n"


def _rpc_rows(files: Iterable[FileDescriptorProto]) -> Iterator[str]:
    """Yield a row for each rpc of the contract."""
    contract = (file for file in files if file.package.startswith("letterhead."))
    for service in (each for file in contract for each in file.service):
        for method in service.method:
            scopes, reasons = _keys(scopes_of(method.options)), _keys(reasons_of(method.options))
            yield f"| {service.name}.{method.name} | {scopes} | {reasons} |\n"


def _keys(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(document(Path("gen/letterhead.binpb").read_bytes()))
