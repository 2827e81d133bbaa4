from itertools import product

import pytest

from letterhead.identity.v1.domains_pb2 import Domain
from services.identity.model.domains import DEFAULT_REASONS, PHASES, STATES, Phase, why_of
from services.identity.model.reasons import Explanation

ALLOWED = {
    (Phase.PROVISIONING, Phase.ACTIVE),
    (Phase.PROVISIONING, Phase.DELETING),
    (Phase.ACTIVE, Phase.PROVISIONING),
    (Phase.ACTIVE, Phase.DELETING),
    (Phase.DELETING, Phase.DELETED),
}


@pytest.mark.parametrize(("before", "after"), list(product(Phase, Phase)))
def test_a_claim_makes_only_the_allowed_transitions(before: Phase, after: Phase) -> None:
    assert (after in PHASES[before]) == ((before, after) in ALLOWED)


def test_states_match_the_proto_enum() -> None:
    assert [f"STATE_{state}" for state in STATES] == Domain.State.keys()[1:]


@pytest.mark.parametrize("state", DEFAULT_REASONS)
def test_a_state_has_a_default_reason_that_a_stored_one_replaces(state: str) -> None:
    default, stored = why_of(state, Explanation()), Explanation(message="It waits.")

    assert default.reason == DEFAULT_REASONS[state]
    assert default.message.endswith(".")
    assert why_of(state, stored) is stored
