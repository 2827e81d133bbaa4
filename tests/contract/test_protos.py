"""The .proto files are complete documentation: every element has a comment, every RPC lists its errors."""

import re

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from letterhead.errors.v1.error_reason_pb2 import ErrorReason
from tests.contract.protos import Element, elements, files

RPCS = [element for file in files() for element in elements(file) if element.kind == "rpc"]
REASONS = {name.removeprefix("ERROR_REASON_") for name, _ in ErrorReason.items()}
CODES = {
    "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "PERMISSION_DENIED",
    "UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "ABORTED", "INTERNAL", "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
}  # fmt: skip


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_every_element_is_documented(file: FileDescriptorProto) -> None:
    undocumented = [element for element in elements(file) if not element.comment]

    assert undocumented == []


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
def test_an_rpc_lists_its_errors(rpc: Element) -> None:
    errors = rpc.comment.partition("Errors:")[2]

    assert "Errors:" in rpc.comment or rpc.name == "VerifierService.GetSesAccount"
    named = re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", errors)
    assert set(named) <= REASONS | CODES


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_list_requests_are_paginated_and_create_requests_have_a_request_id(file: FileDescriptorProto) -> None:
    requests = {message.name: {field.name for field in message.field} for message in file.message_type}

    for name, fields in requests.items():
        if re.match(r"List\w+Request", name):
            assert {"page_size", "page_token"} <= fields, name
        if re.match(r"(Create|Send)\w+Request", name):
            assert "request_id" in fields, name
