"""The states: which way each may go, as one closed table."""

from itertools import product

import pytest

from services.sender.model.emails import (
    ATTEMPT_TRANSITIONS,
    FINAL,
    RANKS,
    TRANSITIONS,
    AttemptState,
    RecipientState,
    State,
)


def test_every_state_has_its_ways() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(ATTEMPT_TRANSITIONS) == set(AttemptState)


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_each_way_has_a_reason_and_none_stands_still(before: State, after: State) -> None:
    if after in TRANSITIONS[before]:
        assert TRANSITIONS[before][after]
        assert before is not after


def test_an_email_is_handed_over_from_the_queue_alone() -> None:
    assert [state for state in State if State.CLAIMED in TRANSITIONS[state]] == [State.QUEUED]


def test_what_may_have_been_sent_is_queued_again_only_where_it_was_asked_for() -> None:
    assert "asked to be sent once more" in TRANSITIONS[State.UNKNOWN][State.QUEUED]
    assert State.CLAIMED not in TRANSITIONS[State.UNKNOWN]


def test_after_a_final_state_only_the_truth_about_it_comes() -> None:
    later = {state: set(TRANSITIONS[state]) for state in FINAL}

    assert later == {
        State.SENT: {State.FAILED},
        State.FAILED: {State.SENT},
        State.EXPIRED: {State.SENT, State.FAILED},
        State.SUPPRESSED: set(),
        State.CANCELED: {State.SENT},
    }


def test_acceptance_may_be_noted_at_any_time_and_a_refusal_only_while_it_is_open() -> None:
    accepted = {state for state, targets in ATTEMPT_TRANSITIONS.items() if AttemptState.ACCEPTED in targets}
    refused = {state for state, targets in ATTEMPT_TRANSITIONS.items() if AttemptState.REFUSED in targets}

    assert accepted == set(AttemptState) - {AttemptState.ACCEPTED}
    assert refused == {AttemptState.OPEN}


def test_every_recipients_state_has_a_rank_but_suppressed() -> None:
    assert {*RANKS, RecipientState.SUPPRESSED} == set(RecipientState)
