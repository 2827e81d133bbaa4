"""Every command on a page exists, and every metric in a runbook."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.__main__ import app
from tests.contract.metrics import names_in
from tests.contract.metrics import problems as problems_of
from tests.contract.sources import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "deploy").rglob("*.md"))]
RUNBOOKS = ROOT / "docs/runbooks"

# A command on its own line, or a whole code span.
COMMAND = re.compile(r"(?:^ *(?:\.venv/bin/)?|`)letterhead ([a-z][^`\n]*)", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")


def test_the_list_of_runbooks_has_every_page() -> None:
    listed = (RUNBOOKS / "README.md").read_text()

    for page in RUNBOOKS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_exist(page: Path) -> None:
    assert [problem for command in COMMAND.findall(page.read_text()) for problem in problems(command)] == []


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.name)
def test_metrics_in_a_runbook_exist(page: Path) -> None:
    queries = [code for code in CODE.findall(page.read_text()) if names_in(code)]

    assert [problem for query in queries for problem in problems_of(query)] == []


def problems(command: str) -> Iterator[str]:
    """Yield the parts of a command that do not exist."""
    words = shlex.split(command.partition(" #")[0].replace("…", "x"))
    found: Any = typer.main.get_command(app)
    while words and hasattr(found, "commands"):
        name = words.pop(0)
        if name not in found.commands:
            yield f"{command}: no command {name}"
            return
        found = found.commands[name]
    options = {option for each in found.params for option in (*each.opts, *each.secondary_opts)}
    yield from (
        f"{command}: no option {each}" for each in words if each.startswith("--") and each not in options
    )
