"""Authorization is decided in one place: services use a visibility filter from chassis.access."""

import ast
from pathlib import Path

import pytest

from tests.contract.sources import ROOT

SERVICES = sorted(path.relative_to(ROOT) for path in (ROOT / "services").rglob("*.py"))
SERVICERS = [path for path in SERVICES if "servicer" in path.parts or path.name == "servicer.py"]
# Names with which a service could inspect its caller and decide for itself.
DECIDING = {"require", "Principal", "bind"}


@pytest.mark.parametrize("path", SERVICES, ids=str)
def test_a_service_imports_only_the_filter_and_not_the_caller(path: Path) -> None:
    names = {
        alias.name
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "chassis.access"
        for alias in node.names
    }

    assert names & DECIDING == set()


@pytest.mark.parametrize("path", SERVICERS, ids=str)
def test_a_servicer_passes_a_filter_to_each_store(path: Path) -> None:
    """Check that every store call for a caller has the filter, or a value made from it, as argument."""
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
    """Return whether an argument is a filter, or a request that contains the tenant of one."""
    names = {
        name.id
        for each in (*call.args, *call.keywords)
        for name in ast.walk(each)
        if isinstance(name, ast.Name)
    }
    return bool(names & {"sees", "asked", "of_tenant"})
