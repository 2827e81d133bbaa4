"""Request ids: their form."""

import pytest

from chassis.errors import InvalidField
from chassis.idempotency import MAX_REQUEST_ID, valid_request_id


@pytest.mark.parametrize("text", ["0199e4c2-6f3e-7a51", "order 7", "x" * MAX_REQUEST_ID, "заказ-7"])
def test_printable_text_is_a_request_id(text: str) -> None:
    assert valid_request_id(text) == text


def test_an_empty_request_id_is_none() -> None:
    assert valid_request_id("") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * (MAX_REQUEST_ID + 1), "TOO_LONG"),
        *((text, "CONTROL_CHARACTER") for text in ("a\0b", "a\nb", "a\x7fb")),
    ],
)
def test_other_text_is_rejected_with_the_field(text: str, reason: str) -> None:
    with pytest.raises(InvalidField) as caught:
        valid_request_id(text)

    assert [(each.field, each.reason) for each in caught.value.violations] == [("request_id", reason)]
