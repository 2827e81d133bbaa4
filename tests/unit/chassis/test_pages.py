"""Page tokens: opaque, bound to their list, and never trusted."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest

from chassis.errors import InvalidArgument
from chassis.pages import next_token, page


def test_the_keys_of_the_last_row_come_back() -> None:
    keys = ("inbox.mnexa.ai", 7, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), UUID(int=8))

    read = page(10, next_token("domains", *keys), of="domains")

    assert (read.size, read.after) == (10, keys)


def test_the_id_of_the_last_row_comes_back() -> None:
    assert page(10, next_token("domains", UUID(int=8)), of="domains").after_id() == UUID(int=8)
    assert page(10, "", of="domains").after_id() is None


@pytest.mark.parametrize("key", ["8", 8, datetime(2026, 1, 2, tzinfo=UTC)])
def test_other_keys_are_no_id(key: str | int | datetime) -> None:
    asked = page(10, next_token("domains", key), of="domains")

    with pytest.raises(InvalidArgument) as caught:
        asked.after_id()
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (1000, 1000), (5000, 1000)])
def test_the_size_is_kept_within_bounds(asked: int, given: int) -> None:
    assert page(asked, "", of="domains").size == given
    assert page(asked, "", of="domains").after is None


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        page(-1, "", of="domains")
    assert caught.value.violations[0].field == "page_size"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "é",
        "=",
        next_token("emails", 1),
        encoded('["domains"]'),
        encoded('["domains",null]'),
        encoded('["domains",["x","y"]]'),
        encoded('["domains",["t","y"]]'),
        encoded('["domains",[["t"],"y"]]'),
        encoded('["domains",["t",7]]'),
        encoded("{}"),
        encoded("7"),
        encoded("[" * 1000),
        "A" * 100_000,
    ],
)
def test_garbage_and_other_lists_tokens_are_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        page(10, token, of="domains")
    assert caught.value.reason == "INVALID_PAGE_TOKEN"
    assert caught.value.violations[0].field == "page_token"
