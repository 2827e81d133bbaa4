"""The alert rules of `deploy/`, with the time that they wait divided, so that a drill takes minutes."""

import re
from pathlib import Path

import yaml

ALERTS = Path(__file__).resolve().parents[2] / "deploy/components/alerts/alerts.yaml"
# A rule that waits five minutes waits ten seconds; a window of one hour has 120 scrapes.
TIMES_FASTER = 30
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}

_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_WINDOW = re.compile(r"\[([0-9a-z]+)(?::([0-9a-z]*))?\]")


def compressed(rules: str, times: int = TIMES_FASTER) -> str:
    """Return the rules with each `for`, `keep_firing_for` and window divided by `times`, otherwise unchanged.

    Thresholds stay, also those in seconds: a drill waits for them, or changes the age of rows.
    """
    document = yaml.safe_load(rules)
    for group in document["groups"]:
        group.pop("interval", None)  # the drill's Prometheus evaluates every second
        for rule in group["rules"]:
            rule["expr"] = _WINDOW.sub(lambda found: _divided_window(found, times), rule["expr"])
            for name in ("for", "keep_firing_for"):
                if name in rule:
                    rule[name] = divided(rule[name], times)
    return yaml.safe_dump(document, sort_keys=False, width=1000)


def divided(duration: str, times: int) -> str:
    """Return a duration of Prometheus divided by `times`, in milliseconds."""
    seconds = sum(int(number) * SECONDS[unit] for number, unit in _DURATION.findall(duration))
    return f"{seconds * 1000 / times:.0f}ms"


def _divided_window(found: re.Match[str], times: int) -> str:
    """Return a range; a window of fewer than five scrapes could miss one, so it gets five seconds."""
    window, step = found.groups()
    milliseconds = max(int(divided(window, times).removesuffix("ms")), 5000)
    return f"[{milliseconds}ms]" if step is None else f"[{milliseconds}ms:1s]"
