"""The .proto files are complete documentation: every element has a comment."""

import re

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.contract.protos import elements, files


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_every_element_is_documented(file: FileDescriptorProto) -> None:
    undocumented = [element for element in elements(file) if not element.comment]

    assert undocumented == []


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_list_requests_are_paginated_and_create_requests_have_a_request_id(file: FileDescriptorProto) -> None:
    requests = {message.name: {field.name for field in message.field} for message in file.message_type}

    for name, fields in requests.items():
        if re.match(r"List\w+Request", name):
            assert {"page_size", "page_token"} <= fields, name
        if re.match(r"(Create|Send)\w+Request", name):
            assert "request_id" in fields, name
