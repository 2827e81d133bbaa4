"""Size limits of files and functions, and rules for module docstrings, names and comments."""

import ast
import io
import re
import tokenize
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.contract.sources import EVERYTHING, ROOT, Function, files, functions, parsed

LONGEST_FILE = 350
WORDS_OF_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def body_lines(function: Function) -> int:
    """Return the number of lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("path", files(*EVERYTHING), ids=str)
def test_files_are_short(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("package", ["chassis", "services", "sandbox", "cli"])
def test_functions_are_small(package: str) -> None:
    sizes = [body_lines(function) for path in files(package) for function in functions(path)]

    assert median(sizes) <= 8
    assert quantiles(sizes, n=10)[-1] <= 25


@pytest.mark.parametrize("path", files("chassis", "services", "sandbox", "cli"), ids=str)
def test_every_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(parsed(path)) or not parsed(path).body


@pytest.mark.parametrize("path", files(*EVERYTHING), ids=str)
def test_module_names_are_specific(path: Path) -> None:
    assert not WORDS_OF_NOTHING & {part.removesuffix(".py") for part in path.parts}


@pytest.mark.parametrize("path", files("chassis", "services", "sandbox", "cli"), ids=str)
def test_comments_do_not_contain_todos(path: Path) -> None:
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO((ROOT / path).read_text()).readline)
        if token.type == tokenize.COMMENT
    ]

    assert [comment for comment in comments if UNFINISHED.search(comment)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "schema").glob("[0-9]*.sql"))[6:], ids=lambda path: path.name)
def test_a_migration_says_whether_it_comes_before_or_after_its_code(path: Path) -> None:
    """The first six files are the baseline; see schema/README.md."""
    assert re.fullmatch(r"\d{4}_(pre|post)_[a-z_]+", path.stem)
