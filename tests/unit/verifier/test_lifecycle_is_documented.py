"""docs/domain-lifecycle.md tells the moves that the code allows, in the same words."""

import re
from pathlib import Path

from services.verifier.model.records import Verdict
from services.verifier.model.states import TRANSITIONS, State

DOC = Path(__file__).parents[3] / "docs" / "domain-lifecycle.md"
ROW = re.compile(r"^\| ([A-Z]+) \| ([A-Z]+) \| (.+?) \| (`domain\.\w+`|none) \|$", re.MULTILINE)


def test_every_move_is_told_and_no_other() -> None:
    told = {(before, after): why for before, after, why, _ in ROW.findall(DOC.read_text())}

    assert told == {
        (before.value, after.value): why
        for before, moves in TRANSITIONS.items()
        for after, why in moves.items()
    }


def test_every_move_but_a_new_start_has_its_event() -> None:
    events = {after: event for _, after, _, event in ROW.findall(DOC.read_text())}

    told = {state.value: f"`domain.{state.value.lower()}`" for state in State}
    assert events == told | {"PENDING": "none"}


def test_every_verdict_is_told() -> None:
    text = DOC.read_text()

    assert [verdict for verdict in Verdict if f"\n| {verdict} | " not in text] == []
