"""Small things: the sizes that keep a file, a function and a signature readable at a glance."""

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
    """The lines of a function's body, its docstring and its nested functions' lines aside."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("path", files(*EVERYTHING), ids=str)
def test_a_file_is_no_longer_than_a_few_screens(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("package", ["chassis", "services", "sandbox", "cli"])
def test_functions_are_small(package: str) -> None:
    sizes = [body_lines(function) for path in files(package) for function in functions(path)]

    assert median(sizes) <= 8
    assert quantiles(sizes, n=10)[-1] <= 25


@pytest.mark.parametrize("path", files("chassis", "services", "sandbox", "cli"), ids=str)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parsed(path)) or not parsed(path).body


@pytest.mark.parametrize("path", files(*EVERYTHING), ids=str)
def test_a_name_means_something(path: Path) -> None:
    assert not WORDS_OF_NOTHING & {part.removesuffix(".py") for part in path.parts}


@pytest.mark.parametrize("path", files("chassis", "services", "sandbox", "cli"), ids=str)
def test_nothing_is_left_for_later(path: Path) -> None:
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO((ROOT / path).read_text()).readline)
        if token.type == tokenize.COMMENT
    ]

    assert [comment for comment in comments if UNFINISHED.search(comment)] == []
