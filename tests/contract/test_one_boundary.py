"""What a caller may see is decided in one place: services take a filter from chassis.access."""

import ast
from pathlib import Path

import pytest

from tests.contract.sources import ROOT

SERVICES = sorted(path.relative_to(ROOT) for path in (ROOT / "services").rglob("*.py"))
SERVICERS = [path for path in SERVICES if "servicer" in path.parts or path.name == "servicer.py"]
# What would let a service look at its caller and decide by itself.
DECIDING = {"require", "Principal", "bind"}


@pytest.mark.parametrize("path", SERVICES, ids=str)
def test_a_service_takes_a_filter_and_not_its_caller(path: Path) -> None:
    taken = {
        alias.name
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "chassis.access"
        for alias in node.names
    }

    assert taken & DECIDING == set()


@pytest.mark.parametrize("path", SERVICERS, ids=str)
def test_a_servicer_gives_each_store_a_filter(path: Path) -> None:
    """A read or write that serves a caller has `sees` among its arguments, or what was made of it."""
    bare = [
        ast.unparse(call)
        for call in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(call, ast.Call) and _is_of_a_store(call) and not _is_bound(call)
    ]

    assert bare == []


def _is_of_a_store(call: ast.Call) -> bool:
    held = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(held, ast.Attribute) and held.attr in ("_store", "_suppressions", "_emails", "_changes")


def _is_bound(call: ast.Call) -> bool:
    """Return whether an argument is a filter, or a request that carries the tenant of one."""
    names = {
        name.id
        for each in (*call.args, *call.keywords)
        for name in ast.walk(each)
        if isinstance(name, ast.Name)
    }
    return bool(names & {"sees", "asked", "of_tenant"})
