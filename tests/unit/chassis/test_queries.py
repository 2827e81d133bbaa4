"""SQL files: named, described, one statement per name, with named parameters; errors are reported on load."""

from pathlib import Path

import pytest

from chassis.queries import Queries, Query

GOOD = """-- Queries of a store.

-- get_thing --
-- Returns one thing.
SELECT id FROM things WHERE id = :id;

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

    assert queries.get_thing.sql.endswith("SELECT id FROM things WHERE id = $1")
    assert queries.get_thing.names == ("id",)
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


def test_parameters_are_numbered_in_the_order_in_which_they_first_occur() -> None:
    query = Query("UPDATE things SET name = :name, size = :size WHERE id = :id AND name <> :name")

    assert query.sql == "UPDATE things SET name = $1, size = $2 WHERE id = $3 AND name <> $1"
    assert query.names == ("name", "size", "id")


def test_a_call_returns_the_sql_and_the_values_in_the_order_of_the_parameters() -> None:
    query = Query("SELECT :second::text, :first::int, :second::uuid")

    assert query(first=1, second=None) == ("SELECT $1::text, $2::int, $1::uuid", None, 1)


def test_a_query_without_parameters_is_called_without_values() -> None:
    assert Query("NOTIFY things")() == ("NOTIFY things",)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ':name', 'it''s :name'",
        'SELECT ":name" FROM things AS "of :name"',
        "SELECT 1 -- is :name, or the user's :other\n",
        "SELECT now()::date, '{}'::jsonb, ARRAY[]::text[]",
        "SELECT (ids)[1 : 3], (ids)[2 :], (ids)[: 5] FROM things",
        "SELECT a := 1, b::Text",
    ],
)
def test_text_that_only_resembles_a_parameter_is_left_alone(sql: str) -> None:
    query = Query(sql)

    assert (query.sql, query.names) == (sql, ())


def test_parameters_beside_strings_casts_comments_and_slices_are_found() -> None:
    query = Query("SELECT ':a'||:b::text, (:ids::uuid[])[1 : :limit] -- the first :c\nWHERE x=:b")

    assert query.sql == "SELECT ':a'||$1::text, ($2::uuid[])[1 : $3] -- the first :c\nWHERE x=$1"
    assert query.names == ("b", "ids", "limit")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"id": 1}, "no value for 'name'"),
        ({}, "no value for 'id'"),
        ({"id": 1, "name": "a", "size": 2, "age": 3}, "no parameter size, age"),
    ],
)
def test_each_parameter_needs_exactly_one_value(values: dict[str, object], problem: str) -> None:
    query = Query("UPDATE things SET id = :id, name = :name")

    with pytest.raises(TypeError, match=problem):
        query(**values)
