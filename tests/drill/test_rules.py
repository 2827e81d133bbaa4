"""The drill's rules are those of `deploy/`, but for the time that they wait."""

import pytest
import yaml

from tests.drill.rules import ALERTS, compressed

RULE = """
groups:
  - name: g
    rules:
      - alert: A
        expr: time() - max(b) > 900 or sum(increase(c[1h30m])) > 3600 and max_over_time(d[1d:1m]) > 0
        for: 10m
        labels: {severity: page}
"""


def test_only_waits_and_windows_are_divided() -> None:
    [group] = yaml.safe_load(compressed(RULE, 60))["groups"]

    assert group["rules"] == [
        {
            "alert": "A",
            "expr": (
                "time() - max(b) > 900 or sum(increase(c[90000ms])) > 3600"
                " and max_over_time(d[1440000ms:1s]) > 0"
            ),
            "for": "10000ms",
            "labels": {"severity": "page"},
        }
    ]


@pytest.mark.parametrize(("window", "expected"), [("5m", "5000ms"), ("1m", "5000ms"), ("30m", "30000ms")])
def test_a_window_has_at_least_five_scrapes(window: str, expected: str) -> None:
    rules = compressed(RULE.replace("1h30m", window), 60)

    assert f"increase(c[{expected}])" in rules


def test_every_rule_of_the_installation_is_there() -> None:
    before, after = (
        yaml.safe_load(text)["groups"] for text in (ALERTS.read_text(), compressed(ALERTS.read_text()))
    )

    for theirs, ours in zip(before, after, strict=True):
        assert [rule.keys() for rule in theirs["rules"]] == [rule.keys() for rule in ours["rules"]]
