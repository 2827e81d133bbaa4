"""The metrics that services export, as the code declares them, and what of a PromQL query does not exist."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from prometheus_client import Histogram
from prometheus_client.utils import floatToGoString

from tests.contract.sources import PRODUCTION, ROOT, files, parsed

RULES = ROOT / "deploy/components/alerts/alerts.yaml"

# What Prometheus adds to each series when it scrapes a process.
SCRAPED = frozenset({"instance", "job"})
# The metrics of others that queries use, with those of their labels that they use.
FOREIGN = {
    "kubelet_volume_stats_available_bytes": frozenset({"namespace", "persistentvolumeclaim"}),
    "kubelet_volume_stats_capacity_bytes": frozenset({"namespace", "persistentvolumeclaim"}),
}
METRIC = re.compile(r"\b(?:letterhead[_:]|kubelet_)[a-z0-9_:]+\b")
SELECTOR = re.compile(rf"({METRIC.pattern})\{{([^}}]*)\}}")
LABEL = re.compile(r"(\w+) *(?:=~|!~|!=|=)")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
AGGREGATED = re.compile(r"\bby \(([^)]*)\) \(")
MATCHED = re.compile(r"\b(?:on|group_left) \(([^)]*)\)")
ADDED = re.compile(r'label_replace\(.*?\), "(\w+)"', re.DOTALL)
LE = re.compile(r'(letterhead_\w+)_bucket\{[^}]*\ble="([^"]+)"')


@cache
def exported() -> Mapping[str, frozenset[str]]:
    """Return the labels of each series that services export, by its name."""
    found: dict[str, frozenset[str]] = {}
    for kind, name, call in _declared():
        labels = frozenset(ast.literal_eval(call.args[2]) if len(call.args) > 2 else ())
        if kind == "Histogram":
            found |= {f"{name}_{part}": labels for part in ("count", "sum")}
            found[f"{name}_bucket"] = labels | {"le"}
        else:
            found[name] = labels
    return found


@cache
def buckets() -> Mapping[str, frozenset[str]]:
    """Return the values of the label `le` of each histogram."""
    found = {}
    for kind, name, call in _declared():
        if kind == "Histogram":
            own = [each.value for each in call.keywords if each.arg == "buckets"]
            bounds = ast.literal_eval(own[0]) if own else Histogram.DEFAULT_BUCKETS
            found[name] = frozenset(floatToGoString(each) for each in bounds)
    return found


def _declared() -> Iterator[tuple[str, str, ast.Call]]:
    for path in files(*PRODUCTION):
        for node in ast.walk(parsed(path)):
            match node:
                case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str(name)), *_]) if kind in {
                    "Counter",
                    "Gauge",
                    "Histogram",
                }:
                    yield kind, name, node


@cache
def rules() -> list[dict[str, Any]]:
    """Return all rules, recording and alerting."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerting() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


@cache
def recorded() -> Mapping[str, frozenset[str]]:
    """Return the labels of each series that a rule records: those it aggregates by, and those it sets."""
    found: dict[str, frozenset[str]] = {}
    for rule in rules():
        if "record" in rule:
            own = {label for labels in AGGREGATED.findall(rule["expr"]) for label in _split(labels)}
            inherited = [found[name] for name in names_in(rule["expr"]) if name in found]
            labels = own.union(rule.get("labels", {}), *inherited)
            found[rule["record"]] = found.get(rule["record"], frozenset()) | labels
    return found


def known() -> Mapping[str, frozenset[str]]:
    """Return the labels of each series that a query can use."""
    return {**exported(), **recorded(), **FOREIGN}


def names_in(query: str) -> list[str]:
    """Return the metrics that a query names."""
    return METRIC.findall(TEXT.sub('""', query))


def problems(query: str) -> Iterator[str]:
    """Yield the metrics, labels and histogram buckets of a query that do not exist."""
    unknown = [name for name in names_in(query) if name not in known()]
    yield from (f"no metric {name}" for name in unknown)
    if not unknown:
        yield from _unknown_in_selectors(query)
        yield from _unknown_in_aggregations(query)
        yield from _unknown_in_matching(query)


def _unknown_in_selectors(query: str) -> Iterator[str]:
    for metric, selector in SELECTOR.findall(query):
        for label in LABEL.findall(TEXT.sub('""', selector)):
            yield from _missing(label, metric)
    for histogram, bound in LE.findall(query):
        if bound not in buckets()[histogram]:
            yield f"no bucket {bound} in {histogram}"


def _unknown_in_aggregations(query: str) -> Iterator[str]:
    for aggregation in AGGREGATED.finditer(query):
        inner = _enclosed(query, aggregation.end())
        for label in {*_split(aggregation[1])} - {*ADDED.findall(inner)}:
            for metric in names_in(inner):
                yield from _missing(label, metric)


def _unknown_in_matching(query: str) -> Iterator[str]:
    everywhere = SCRAPED.union(*(known()[name] for name in names_in(query)))
    for labels in MATCHED.findall(query):
        yield from (f"no label {label}" for label in _split(labels) if label not in everywhere)


def _missing(label: str, metric: str) -> Iterator[str]:
    if label not in known()[metric] | SCRAPED:
        yield f"no label {label} in {metric}"


def _split(labels: str) -> list[str]:
    return [each.strip() for each in labels.split(",") if each.strip()]


def _enclosed(query: str, start: int) -> str:
    """Return the text from `start` to the parenthesis that closes the one before it."""
    depth = 1
    for end in range(start, len(query)):
        depth += {"(": 1, ")": -1}.get(query[end], 0)
        if not depth:
            return query[start:end]
    raise ValueError(f"unbalanced parentheses: {query}")
