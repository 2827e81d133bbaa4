"""Parsed Python files of the repository, for the contract tests."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ("chassis", "services")
EVERYTHING = (*PRODUCTION, "sandbox", "cli", "tests")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files(*packages: str) -> list[Path]:
    """Return every .py file of these packages, relative to the root."""
    return sorted(path.relative_to(ROOT) for package in packages for path in (ROOT / package).rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names of all modules that a file imports, at any level."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def functions(path: Path) -> Iterator[Function]:
    """Yield every function and method of a file, including nested ones."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
