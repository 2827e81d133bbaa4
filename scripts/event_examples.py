"""The examples in docs/event_examples.json: for each subject, a CloudEvent that was recorded from NATS."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "docs/event_examples.json"


def event_examples() -> dict[str, dict[str, Any]]:
    """Return the example of each event that has one, by subject."""
    examples: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return examples


def write(examples: Mapping[str, dict[str, Any]]) -> None:
    """Replace all examples, sorted by subject."""
    FILE.write_text(as_json(dict(sorted(examples.items()))) + "\n", encoding="utf-8")


def as_json(content: Any) -> str:
    """Return JSON as the documentation shows it."""
    return json.dumps(content, indent=2, ensure_ascii=False)
