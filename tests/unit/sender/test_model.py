"""The state transitions, as one closed table."""

from itertools import product

import pytest

from services.sender.model.states import (
    ATTEMPT_TRANSITIONS,
    FINAL,
    RANKS,
    TRANSITIONS,
    AttemptState,
    RecipientState,
    State,
)


def test_every_state_has_transitions() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(ATTEMPT_TRANSITIONS) == set(AttemptState)


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_each_transition_has_a_reason_and_changes_the_state(before: State, after: State) -> None:
    if after in TRANSITIONS[before]:
        assert TRANSITIONS[before][after]
        assert before is not after


def test_only_a_queued_email_is_claimed() -> None:
    assert [state for state in State if State.SENDING in TRANSITIONS[state]] == [State.QUEUED]


def test_an_unknown_email_is_queued_again_only_if_requested() -> None:
    assert "asked to be sent once more" in TRANSITIONS[State.UNKNOWN][State.QUEUED]
    assert State.SENDING not in TRANSITIONS[State.UNKNOWN]


def test_a_final_state_changes_only_to_correct_the_outcome() -> None:
    later = {state: set(TRANSITIONS[state]) for state in FINAL}

    assert later == {
        State.SENT: {State.FAILED},
        State.FAILED: {State.SENT},
        State.EXPIRED: {State.SENT, State.FAILED},
        State.SUPPRESSED: set(),
        State.CANCELED: {State.SENT},
    }


def test_acceptance_is_recorded_in_any_state_but_a_rejection_only_while_open() -> None:
    accepted = {state for state, targets in ATTEMPT_TRANSITIONS.items() if AttemptState.ACCEPTED in targets}
    rejected = {state for state, targets in ATTEMPT_TRANSITIONS.items() if AttemptState.REFUSED in targets}

    assert accepted == set(AttemptState) - {AttemptState.ACCEPTED}
    assert rejected == {AttemptState.OPEN}


def test_every_recipient_state_except_suppressed_has_a_rank() -> None:
    assert {*RANKS, RecipientState.SUPPRESSED} == set(RecipientState)
