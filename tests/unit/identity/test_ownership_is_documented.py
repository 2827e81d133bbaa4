"""docs/domain-lifecycle.md lists exactly the ownership transitions of the code, with the same texts."""

import re
from pathlib import Path

from letterhead.identity.v1.domains_pb2 import Domain
from services.identity.model.ownership import TRANSITIONS, Ownership
from services.verifier.model.ownership import Ownership as Observed

DOC = Path(__file__).parents[3] / "docs" / "domain-lifecycle.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| `([A-Z_]+)` \| ([^|]+?) \| (?:`domain\.\w+`|none) \|$", re.MULTILINE)


def test_the_documented_transitions_are_those_of_the_code() -> None:
    described = {(before, after): why for before, after, why in ROW.findall(DOC.read_text())}

    assert described == {
        (before.value, after.value): why
        for before, moves in TRANSITIONS.items()
        for after, why in moves.items()
    }


def test_ownership_values_match_the_proto_enum() -> None:
    values = [name.removeprefix("OWNERSHIP_") for name in Domain.Ownership.keys()][1:]  # noqa: SIM118

    assert [each.value for each in Ownership] == [each.value for each in Observed] == values
