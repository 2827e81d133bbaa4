"""Alerts fire when they should, which promtool decides; they name metrics that exist, and have a runbook."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.metrics import (
    LABEL,
    METRIC,
    RULES,
    SCRAPED,
    TEXT,
    alerting,
    known,
    names_in,
    problems,
    recorded,
    rules,
)
from tests.contract.sources import ROOT
from tests.e2e.packages import INSTALL_WITHIN, install

CASES = sorted((ROOT / "tests/contract/alerts").glob("*.yaml"))
RUNBOOKS = ROOT / "docs/runbooks"
URL = "https://github.com/OWNER/letterhead/blob/main/"
FIRING = re.compile(r'ALERTS\{alertname="(\w+)", alertstate="firing"\}')
SHOWN = re.compile(r"\$labels\.(\w+)")

pytestmark = pytest.mark.timeout(INSTALL_WITHIN)
every_alert = pytest.mark.parametrize("rule", alerting(), ids=lambda rule: rule["alert"])


def promtool(*arguments: str) -> str:
    """Run promtool and return what it prints; fail with it unless promtool succeeds."""
    program = shutil.which("promtool")
    assert program is not None  # `installed` has installed it
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(autouse=True, scope="module")
def installed() -> None:
    asyncio.run(install({"promtool": "prometheus"}))


def cases(path: Path) -> list[dict[str, Any]]:
    """Return the tests of a file."""
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text())["tests"]
    return found


def test_the_rules_are_valid() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_alerts_fire_as_expected(path: Path) -> None:
    promtool("test", "rules", str(path))


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, silent = set(), set()
    for case in (case for path in CASES for case in cases(path)):
        for expected in case["promql_expr_test"]:
            (fires if expected["exp_samples"] else silent).update(FIRING.findall(expected["expr"]))

    every = {rule["alert"] for rule in alerting()}
    assert (every - fires, every - silent, (fires | silent) - every) == (set(), set(), set())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_cases_have_only_series_that_exist(path: Path) -> None:
    for series in (each["series"] for case in cases(path) for each in case["input_series"]):
        [name] = names_in(series)
        assert set(LABEL.findall(TEXT.sub('""', series))) - SCRAPED == known()[name], series


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_names_only_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert list(problems(rule["expr"])) == []
    if "record" not in rule:
        assert names_in(rule["expr"])


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("max(letterhead_dead_leters) > 0", "no metric letterhead_dead_leters"),
        ("letterhead_task_interval_seconds_bucket", "no metric letterhead_task_interval_seconds_bucket"),
        ('letterhead_dead_letters{customer="x"}', "no label customer in letterhead_dead_letters"),
        ("sum by (region) (letterhead_dead_letters)", "no label region in letterhead_dead_letters"),
        (
            "max by (region) (letterhead_ses_sent_recipients) > max by (region) (letterhead_stream_bytes)",
            "no label region in letterhead_stream_bytes",
        ),
        ("letterhead_stream_bytes * on (schema) letterhead_stream_limit_bytes", "no label schema"),
        ('letterhead_http_seconds_bucket{le="0.9"}', "no bucket 0.9 in letterhead_http_seconds"),
        ("letterhead:slo:budgets", "no metric letterhead:slo:budgets"),
    ],
)
def test_an_unknown_metric_label_or_bucket_is_found(query: str, problem: str) -> None:
    assert list(problems(query)) == [problem]


@every_alert
def test_an_alert_says_what_happened_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(notes) == {"summary", "description", "runbook_url"}
    for sentence in (notes["summary"], notes["description"]):
        assert sentence.endswith(".")
        assert sentence[0].isupper() or sentence.startswith(("{{", "webhooks", "verifier"))
    page = (ROOT / notes["runbook_url"].removeprefix(URL)).read_text()
    assert f"`{rule['alert']}`" in page
    assert "\n## Verify\n" in page
    available = SCRAPED.union(*(known()[name] for name in names_in(rule["expr"])))
    assert set(SHOWN.findall(" ".join(notes.values()))) <= available


def test_the_list_of_runbooks_has_every_alert_with_its_metrics_and_runbook() -> None:
    rows = (RUNBOOKS / "README.md").read_text().splitlines()

    for rule in alerting():
        [row] = [row for row in rows if f"`{rule['alert']}`" in row]
        assert set(names_in(rule["expr"])) - recorded().keys() <= set(METRIC.findall(row))
        assert f"| {rule['labels']['severity']} |" in row
        assert f"({Path(rule['annotations']['runbook_url']).name})" in row
