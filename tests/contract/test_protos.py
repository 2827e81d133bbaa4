"""The .proto files are complete documentation: every element has a comment."""

import re
from collections.abc import Iterable

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.contract.protos import Element, elements, files

# Two words in capitals, one after the other, or a single one that is quoted after a colon.
VALUES = re.compile(r"\b[A-Z_]{3,}`?(,| or)\s+`?[A-Z_]{3,}\b|: `[A-Z_]{3,}`")


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_every_element_is_documented(file: FileDescriptorProto) -> None:
    undocumented = [element for element in elements(file) if not element.comment]

    assert undocumented == []


def enumerations(of: Iterable[Element]) -> list[str]:
    """Return the strings whose comments list their values."""
    return [each.name for each in of if each.is_text and VALUES.search(each.comment)]


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_a_field_with_a_fixed_set_of_values_is_an_enum(file: FileDescriptorProto) -> None:
    assert enumerations(elements(file)) == []


@pytest.mark.parametrize(
    "comment", ["The state: READY or PAUSED.", "Why: `BOUNCE`,\n`MANUAL`.", "The type: `TXT`."]
)
def test_a_string_that_lists_its_values_is_found(comment: str) -> None:
    planted = [Element("field", "Planted.value", comment, is_text=True)]

    assert enumerations(planted) == ["Planted.value"]


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_list_requests_are_paginated_and_create_requests_have_a_request_id(file: FileDescriptorProto) -> None:
    requests = {message.name: {field.name for field in message.field} for message in file.message_type}

    for name, fields in requests.items():
        if re.match(r"List\w+Request", name):
            assert {"page_size", "page_token"} <= fields, name
        if re.match(r"(Create|Send)\w+Request", name):
            assert "request_id" in fields, name
