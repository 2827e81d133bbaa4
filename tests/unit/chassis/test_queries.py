"""SQL files: named, described, one statement per name; errors are reported when the file is loaded."""

from pathlib import Path

import pytest

from chassis.queries import Queries

GOOD = """-- Queries of a store.

-- get_thing --
-- Returns one thing.
SELECT id FROM things WHERE id = $1;

-- list_things --
-- Returns all things.
SELECT id
FROM things -- all of them
"""


def load(tmp_path: Path, text: str) -> Queries:
    path = tmp_path / "queries.sql"
    path.write_text(text)
    return Queries.load(path)


def test_statements_are_attributes(tmp_path: Path) -> None:
    queries = load(tmp_path, GOOD)

    assert queries.get_thing.endswith("SELECT id FROM things WHERE id = $1")
    assert dict(queries).keys() == {"get_thing", "list_things"}


def test_an_unknown_name_raises_an_error_that_lists_known_names(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="get_thing, list_things"):
        _ = load(tmp_path, GOOD).drop_things


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD + GOOD.split("\n\n", 1)[1], "get_thing is defined twice"),
        ("-- a --\nSELECT 1", "a has no description"),
        ("-- a --\n-- Nothing.\n", "a has no SQL"),
        ("-- a --\n-- Two.\nSELECT 1; SELECT 2", "a has more than one statement"),
        ("SELECT 1\n-- a --\n-- One.\nSELECT 1", "SQL before the first"),
    ],
)
def test_an_error_in_the_file_is_reported_on_load(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        load(tmp_path, text)
