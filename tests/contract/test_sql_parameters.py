"""SQL has named parameters, is in .sql files, and is called with exactly the values of its parameters."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from chassis.queries import Queries, Query
from tests.contract.sources import PRODUCTION, ROOT, files, parsed

POSITIONAL = re.compile(r"\$\d")
SQL = sorted(path.relative_to(ROOT) for package in PRODUCTION for path in (ROOT / package).rglob("*.sql"))
LOADED = re.compile(r"Queries\.load\(.*'(.+\.sql)'")
# The statements of `chassis.events.tables`, which their users keep in this attribute.
EVENTS, OF_EVENTS = Path("chassis/events/queries.sql"), "_sql"
RULE = {"age", "limit"}  # the parameters of a retention rule

# A use of a query: the module, the file and the name of the query, and what surrounds the attribute.
Use = tuple[Path, Path, ast.Attribute, ast.AST]


def test_parameters_have_names() -> None:
    positional = {str(path): found for path in SQL if (found := POSITIONAL.findall(text_of(path)))}

    assert positional == {}


def test_sql_with_parameters_is_in_sql_files() -> None:
    inline = {
        f"{path}:{line}": text
        for path in files(*PRODUCTION)
        for line, text in strings(parsed(path))
        if POSITIONAL.search(text)
    }

    assert inline == {}


def test_each_query_is_called_with_the_values_of_its_parameters() -> None:
    wrong = [
        f"{path}:{node.lineno}: {node.attr} has the parameters {query_of(file, node.attr).names}"
        for path, file, node, outer in uses()
        if not fits(query_of(file, node.attr), node, outer)
    ]

    assert wrong == []


def test_each_statement_is_used() -> None:
    used = {(file, node.attr) for _, file, node, _ in uses()}

    assert {(path, name) for path in SQL for name, _ in queries(path)} - used == set()


def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def queries(path: Path) -> Queries:
    return Queries.load(ROOT / path)


def query_of(file: Path, name: str) -> Query:
    query: Query = getattr(queries(file), name)
    return query


@cache
def uses() -> list[Use]:
    """Return every use of a query in production code."""
    return [use for path in files(*PRODUCTION) for use in uses_in(path)]


def uses_in(path: Path) -> Iterator[Use]:
    known = names_of_queries(path)
    for outer in ast.walk(parsed(path)):
        for node in ast.iter_child_nodes(outer):
            if isinstance(node, ast.Attribute) and (file := file_of(node.value, known)):
                yield path, file, node, outer


@cache
def names_of_queries(path: Path) -> dict[str, Path]:
    """Return the names under which a module has the queries of a file, its own or an imported one."""
    found: dict[str, Path] = {}
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and (file := LOADED.search(ast.unparse(node))):
            found[ast.unparse(node.targets[0])] = path.with_name(file[1])
        if isinstance(node, ast.ImportFrom) and any(alias.name == "QUERIES" for alias in node.names):
            found |= names_of_queries(Path(*(node.module or "").split(".")).with_suffix(".py"))
    return found


def file_of(value: ast.expr, known: dict[str, Path]) -> Path | None:
    if isinstance(value, ast.Attribute) and value.attr == OF_EVENTS:
        return EVENTS
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "statements":
        return EVENTS
    return known.get(value.id) if isinstance(value, ast.Name) else None


def fits(query: Query, node: ast.expr, outer: ast.AST) -> bool:
    """Return whether a query is called with its parameters, is of a retention rule, or gives its SQL.

    Of a call with `**values`, only the other parameters are known.
    """
    if isinstance(outer, ast.Call) and outer.func is node:
        given = {keyword.arg for keyword in outer.keywords}
        complete = given == set(query.names) or (None in given and given <= {None, *query.names})
        return complete and not outer.args
    if isinstance(outer, ast.Call) and ast.unparse(outer.func) == "Rule":
        return set(query.names) == RULE
    return isinstance(outer, ast.Attribute) and outer.attr == "sql"


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and text of every string, or part of one, that is not a docstring."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


@pytest.mark.parametrize("given", ["a=1, b=2", "a=1, **values"])
def test_a_right_call_is_accepted(given: str) -> None:
    assert fits(Query("SELECT :a, :b"), *call_of(given))


@pytest.mark.parametrize("given", ["a=1", "1, 2", "a=1, b=2, c=3", "c=3, **values"])
def test_a_wrong_call_is_found(given: str) -> None:
    assert not fits(Query("SELECT :a, :b"), *call_of(given))


def call_of(given: str) -> tuple[ast.expr, ast.Call]:
    call = ast.parse(f"QUERIES.x({given})", mode="eval").body
    assert isinstance(call, ast.Call)
    return call.func, call
