"""docs/events.md is up to date with the .proto files and lists every event."""

import json
import re
import subprocess
import sys

from chassis.events.subjects import MESSAGES
from scripts.event_examples import event_examples
from tests.contract.sources import ROOT

PAGE = (ROOT / "docs/events.md").read_text(encoding="utf-8")
SUBJECTS = set(re.findall(r"^### `([a-z._]+)`$", PAGE, re.MULTILINE))


def test_the_events_page_is_up_to_date() -> None:
    generated = subprocess.run(
        [sys.executable, "scripts/document_events.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert generated.stdout == PAGE, "run `make docs`"


def test_the_page_lists_every_event() -> None:
    """test_subjects.py holds that services build exactly these."""
    assert set(MESSAGES) == SUBJECTS


def test_the_page_shows_the_recorded_example_of_every_event() -> None:
    shown = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]

    assert {each["type"]: each for each in shown} == event_examples()
    assert len(shown) == len(MESSAGES)
