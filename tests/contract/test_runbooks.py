"""Every alert has a runbook and uses existing metrics; every command on a page exists."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.__main__ import app
from tests.contract.sources import PRODUCTION, ROOT, files

ALERTS = yaml.safe_load((ROOT / "deploy/components/alerts/alerts.yaml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "deploy").rglob("*.md"))]
RUNBOOKS = ROOT / "docs/runbooks"

# A command on its own line, or a whole code span.
COMMAND = re.compile(r"(?:^ *(?:\.venv/bin/)?|`)letterhead ([a-z][^`\n]*)", re.MULTILINE)
METRIC = re.compile(r"\bletterhead_[a-z0-9_]+\b")
SELECTOR = re.compile(r"\b(letterhead_[a-z0-9_]+)\{([^}]*)\}")
LABEL = re.compile(r"(\w+) *(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\bby \(([^)]*)\)")
SHOWN = re.compile(r"\$labels\.(\w+)")


def metrics() -> set[str]:
    """Return the names of all metrics that services export."""
    return {
        name for path in files(*PRODUCTION) for name in re.findall(r'"(letterhead_\w+)"', path.read_text())
    }


def labels() -> dict[str, set[str]]:
    """Return the labels of each metric that services export."""
    found = {}
    for path in files(*PRODUCTION):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(args=[ast.Constant(value=str(name)), _, *more]) if METRIC.fullmatch(name):
                    found[name] = set(ast.literal_eval(more[0])) if more else set()
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_uses_only_labels_that_its_metrics_have(rule: dict[str, Any]) -> None:
    exported = labels()

    for metric, selector in SELECTOR.findall(rule["expr"]):
        assert set(LABEL.findall(selector)) <= exported[metric]
    grouped = {label.strip() for labels in GROUPING.findall(rule["expr"]) for label in labels.split(",")}
    for metric in METRIC.findall(rule["expr"]):
        assert grouped <= exported[metric]
        assert set(SHOWN.findall(rule["annotations"]["summary"])) <= exported[metric]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_severity_summary_runbook_and_existing_metrics(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    assert (ROOT / rule["annotations"]["runbook"]).is_file()
    used = set(METRIC.findall(rule["expr"]))
    assert used
    assert used <= metrics()


def test_the_list_of_runbooks_has_every_alert_metric_and_page() -> None:
    listed = (RUNBOOKS / "README.md").read_text()

    for rule in RULES:
        assert f"`{rule['alert']}`" in listed
        assert set(METRIC.findall(rule["expr"])) <= set(METRIC.findall(listed))
    for page in RUNBOOKS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_exist(page: Path) -> None:
    assert [problem for command in COMMAND.findall(page.read_text()) for problem in problems(command)] == []


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.name)
def test_metrics_in_a_runbook_exist(page: Path) -> None:
    assert set(METRIC.findall(page.read_text())) <= metrics()


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
