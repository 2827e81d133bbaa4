"""Prometheus scrapes every process and gets the rules; dashboards query metrics that exist."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.dashboards import FOLDER, documents
from scripts.prometheus_rule import document
from services import PROCESSES
from tests.contract.manifests import Manifest, Overlay, built_from
from tests.contract.metrics import RULES, SCRAPED, known, names_in, problems
from tests.contract.sources import ROOT

COMPONENTS = ("prometheus-operator", "dashboards")
LEGEND = re.compile(r"\{\{(\w+)\}\}")


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Overlay:
    """Return the production overlay with both components, which its cluster needs CRDs for."""
    directory = tmp_path_factory.mktemp("monitored").resolve()
    deploy = Path(os.path.relpath(ROOT / "deploy", directory))
    kustomization = {
        "resources": [str(deploy / "overlays/production")],
        "components": [str(deploy / "components" / name) for name in COMPONENTS],
    }
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return built_from(directory)


def targets(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [target for panel in dashboard["panels"] for target in panel.get("targets", [])]


def only(monitored: Overlay, kind: str) -> Manifest:
    [found] = monitored.kind(kind)
    assert found["metadata"]["namespace"] == "letterhead"
    return found


def test_the_rules_of_the_operator_are_those_of_the_rule_file(monitored: Overlay) -> None:
    assert document() == (ROOT / "deploy/components/prometheus-operator/rules.yaml").read_text()
    assert only(monitored, "PrometheusRule")["spec"] == yaml.safe_load(RULES.read_text())


def test_the_pod_monitor_selects_every_process(monitored: Overlay) -> None:
    spec = only(monitored, "PodMonitor")["spec"]
    [wanted] = spec["selector"]["matchExpressions"]
    scraped = {
        name: workload.ports()[endpoint["port"]]
        for name, workload in monitored.services()
        if workload.labels[wanted["key"]] in wanted["values"]
        for endpoint in spec["podMetricsEndpoints"]
    }

    assert scraped == {each.name: each.metrics_port for each in PROCESSES}


def test_the_dashboards_are_up_to_date_and_in_a_config_map_that_grafana_finds(monitored: Overlay) -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == documents()
    [found] = [each for each in monitored.kind("ConfigMap") if each["data"].keys() == documents().keys()]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("name", documents())
def test_a_dashboard_has_its_own_panels_and_legends_that_its_queries_have(name: str) -> None:
    dashboard = json.loads(documents()[name])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for target in targets(dashboard):
        labels = SCRAPED.union({"service"}, *(known()[metric] for metric in names_in(target["expr"])))
        assert set(LEGEND.findall(target["legendFormat"])) <= labels


@pytest.mark.parametrize("name", documents())
def test_a_dashboard_queries_only_metrics_and_labels_that_exist(name: str) -> None:
    queries = [target["expr"] for target in targets(json.loads(documents()[name]))]

    assert [problem for query in queries for problem in problems(query)] == []
    assert all(names_in(query) for query in queries)
