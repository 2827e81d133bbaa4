"""Page tokens: opaque, bound to their list, and validated."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from chassis.errors import InvalidArgument
from chassis.pages import ListRequest, next_token, page, window


def test_a_token_contains_the_sort_keys_of_the_last_row() -> None:
    keys = ("inbox.mnexa.ai", 7, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), UUID(int=8))

    read = page(10, next_token("domains", *keys), of="domains")

    assert (read.size, read.after) == (10, keys)


def test_a_token_contains_the_id_of_the_last_row() -> None:
    assert page(10, next_token("domains", UUID(int=8)), of="domains").after_id() == UUID(int=8)
    assert page(10, "", of="domains").after_id() is None


@pytest.mark.parametrize("key", ["8", 8, datetime(2026, 1, 2, tzinfo=UTC)])
def test_a_token_without_an_id_is_rejected_where_an_id_is_required(key: str | int | datetime) -> None:
    asked = page(10, next_token("domains", key), of="domains")

    with pytest.raises(InvalidArgument) as caught:
        asked.after_id()
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (1000, 1000), (5000, 1000)])
def test_the_page_size_is_limited(asked: int, given: int) -> None:
    assert page(asked, "", of="domains").size == given
    assert page(asked, "", of="domains").after is None


def test_a_negative_size_is_rejected() -> None:
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
def test_malformed_tokens_and_tokens_of_another_list_are_rejected(token: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        page(10, token, of="domains")
    assert caught.value.reason == "INVALID_PAGE_TOKEN"
    assert caught.value.violations[0].field == "page_token"


@dataclass
class Asked:
    """A List request."""

    page_size: int = 2
    page_token: str = ""
    after_id: str = ""
    before_id: str = ""


@dataclass(frozen=True)
class Row:
    id: UUID


ROWS = [Row(UUID(int=number)) for number in range(9, 0, -1)]  # newest first


def read(asked: ListRequest) -> tuple[list[int], str]:
    """Return one page, as a store and a servicer produce it."""
    chosen = window(asked, of="rows")
    rows = [each for each in ROWS if chosen.after is None or each.id < chosen.after]
    if chosen.before is not None:
        rows = [each for each in reversed(ROWS) if each.id > chosen.before]
    shown, token = chosen.cut(rows[: chosen.limit])
    return [each.id.int for each in shown], token


def walked(asked: Asked) -> list[list[int]]:
    pages: list[list[int]] = []
    while not pages or asked.page_token:
        numbers, asked.page_token = read(asked)
        pages.append(numbers)
    return pages


@pytest.mark.parametrize(
    ("asked", "pages"),
    [
        (Asked(page_size=4), [[9, 8, 7, 6], [5, 4, 3, 2], [1]]),
        (Asked(after_id=str(UUID(int=5))), [[4, 3], [2, 1]]),
        (Asked(after_id=str(UUID(int=1))), [[]]),
        (Asked(before_id=str(UUID(int=5))), [[7, 6], [9, 8]]),
        (Asked(before_id=str(UUID(int=9))), [[]]),
    ],
)
def test_a_list_can_be_paged_from_an_id_in_both_directions(asked: Asked, pages: list[list[int]]) -> None:
    assert walked(asked) == pages


def test_a_token_of_one_direction_is_rejected_in_the_other() -> None:
    _, token = read(Asked(before_id=str(UUID(int=5))))

    with pytest.raises(InvalidArgument) as caught:
        read(Asked(after_id=str(UUID(int=5)), page_token=token))
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Asked(after_id="7"), "after_id"),
        (Asked(before_id="x" * 10_000), "before_id"),
        (Asked(after_id=str(UUID(int=1)), before_id=str(UUID(int=2))), "before_id"),
    ],
)
def test_malformed_ids_and_two_ids_are_rejected(asked: Asked, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        window(asked, of="rows")
    assert caught.value.violations[0].field == field
