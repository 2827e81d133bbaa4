"""docs/domain-lifecycle.md describes the changes of ownership that the code allows, in the same words."""

import re
from pathlib import Path

from letterhead.identity.v1.domains_pb2 import Domain
from services.identity.model.ownership import TRANSITIONS, Ownership
from services.verifier.model.ownership import Ownership as Observed

DOC = Path(__file__).parents[3] / "docs" / "domain-lifecycle.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| `([A-Z_]+)` \| ([^|]+?) \| (?:`domain\.\w+`|none) \|$", re.MULTILINE)


def test_every_change_is_documented_and_no_other() -> None:
    described = {(before, after): why for before, after, why in ROW.findall(DOC.read_text())}

    assert described == {
        (before.value, after.value): why
        for before, moves in TRANSITIONS.items()
        for after, why in moves.items()
    }


def test_the_words_are_the_contracts() -> None:
    words = [name.removeprefix("OWNERSHIP_") for name in Domain.Ownership.keys()][1:]  # noqa: SIM118

    assert [each.value for each in Ownership] == [each.value for each in Observed] == words
