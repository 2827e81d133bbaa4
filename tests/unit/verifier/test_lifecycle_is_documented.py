"""docs/domain-lifecycle.md lists the transitions that the code allows, in the same words."""

import re
from pathlib import Path

from services.verifier.model.records import RecordStatus
from services.verifier.model.states import TRANSITIONS, State

DOC = Path(__file__).parents[3] / "docs" / "domain-lifecycle.md"
ROW = re.compile(r"^\| ([A-Z]+) \| ([A-Z]+) \| (.+?) \| (`domain\.\w+`) \|$", re.MULTILINE)


def test_the_page_lists_exactly_the_allowed_transitions() -> None:
    documented = {(before, after): why for before, after, why, _ in ROW.findall(DOC.read_text())}

    assert documented == {
        (before.value, after.value): why
        for before, transitions in TRANSITIONS.items()
        for after, why in transitions.items()
    }


def test_the_page_names_an_event_for_every_state() -> None:
    events = {after: event for _, after, _, event in ROW.findall(DOC.read_text())}

    assert events == {state.value: f"`domain.{state.value.lower()}`" for state in State}


def test_the_page_lists_every_record_status() -> None:
    text = DOC.read_text()

    assert [status for status in RecordStatus if f"\n| {status} | " not in text] == []
