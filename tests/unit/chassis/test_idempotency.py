"""Request ids: their form."""

from uuid import uuid4

import pytest

from chassis.errors import InvalidField
from chassis.idempotency import MAX_REQUEST_ID, request_id_of


@pytest.mark.parametrize("text", [str(uuid4()), "order 7", "x" * MAX_REQUEST_ID, "заказ-7"])
def test_printable_text_is_a_request_id(text: str) -> None:
    assert request_id_of(text) == text


def test_an_empty_request_id_is_none() -> None:
    assert request_id_of("") is None


@pytest.mark.parametrize("text", ["x" * (MAX_REQUEST_ID + 1), "a\0b", "a\nb", "a\x7fb"])
def test_other_text_is_rejected_with_the_field(text: str) -> None:
    with pytest.raises(InvalidField, match="at most 256 printable characters") as caught:
        request_id_of(text)

    assert [violation.field for violation in caught.value.violations] == ["request_id"]
