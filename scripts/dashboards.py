"""Make the Grafana dashboards of deploy/components/dashboards from the titles and queries in dashboards.yaml.

Everything else is the same in all dashboards.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[1] / "deploy/components/dashboards"
WIDTH, HEIGHT, COLUMNS = 8, 8, 24  # of a panel, and of a row, in Grafana's grid
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Spec = Mapping[str, Any]


def documents() -> dict[str, str]:
    """Return each dashboard as Grafana imports it, by the name of its file."""
    specs = yaml.safe_load((FOLDER / "dashboards.yaml").read_text())
    return {f"{spec['name']}.json": json.dumps(_dashboard(spec), indent=2) + "\n" for spec in specs}


def _dashboard(spec: Spec) -> dict[str, Any]:
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": f"letterhead-{spec['name']}",
        "title": spec["title"],
        "tags": ["letterhead"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"type": "dashboards", "title": "Letterhead", "tags": ["letterhead"], "asDropdown": True}],
        "templating": {"list": [source]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_panels(spec["rows"]), 1)],
    }


def _panels(rows: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the titles of rows and the panels, from left to right and from top to bottom."""
    y = 0
    for title, panels in rows.items():
        position = _position(0, y, COLUMNS, 1)
        yield {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": position}
        y += 1
        for index, panel in enumerate(panels):
            line, place = divmod(index, COLUMNS // WIDTH)
            yield _panel(panel, _position(place * WIDTH, y + line * HEIGHT, WIDTH, HEIGHT))
        y += -(-len(panels) // (COLUMNS // WIDTH)) * HEIGHT


def _panel(panel: Spec, position: dict[str, int]) -> dict[str, Any]:
    now = panel.get("now", False)
    return {
        "type": "stat" if now else "timeseries",
        "title": panel["title"],
        "datasource": SOURCE,
        "gridPos": position,
        "fieldConfig": {"defaults": {"unit": panel.get("unit", "short")}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
                "instant": now,
            }
            for index, (legend, query) in enumerate(panel["queries"].items())
        ],
    }


def _position(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


if __name__ == "__main__":
    for name, text in documents().items():
        (FOLDER / name).write_text(text)
