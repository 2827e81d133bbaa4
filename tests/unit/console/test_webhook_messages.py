"""The pages about webhooks say what to do next in every state."""

from datetime import UTC, datetime

import pytest

from chassis.protos import stamp_of
from letterhead.webhooks.v1.webhook_service_pb2 import Attempt, Endpoint, EndpointEvent
from services.console import webhook_messages
from services.deliverer.store.health import DISABLED_AFTER

SINCE = datetime(2026, 11, 30, 18, 22, tzinfo=UTC)


def test_a_failing_webhook_says_until_when_to_fix_it() -> None:
    said = webhook_messages.of_failing(Endpoint(failing_since_time=stamp_of(SINCE)))

    assert "since 30 November 2026, 18:22 UTC" in said
    assert "by 5 December 2026, 18:22 UTC" in said


def test_the_page_names_the_day_on_which_deliverer_disables() -> None:
    assert webhook_messages.DISABLED_AFTER == DISABLED_AFTER


def test_a_disabled_webhook_says_why_and_not_that_it_fails() -> None:
    disabled = [
        Endpoint(state=Endpoint.STATE_DISABLED, disable_reason=reason, failing_since_time=stamp_of(SINCE))
        for reason in Endpoint.DisableReason.values()
    ]

    said = [webhook_messages.of_disabled(each) for each in disabled]

    assert len(set(said)) == len(Endpoint.DisableReason.values())
    assert all("nable it" in each for each in said)
    assert not any(map(webhook_messages.of_failing, disabled))


@pytest.mark.parametrize("state", EndpointEvent.State.values())
def test_only_an_event_that_is_not_posted_any_more_needs_words(state: EndpointEvent.State.ValueType) -> None:
    unsolved = state in (EndpointEvent.STATE_FAILED, EndpointEvent.STATE_UNSENT)

    assert bool(webhook_messages.of_event(EndpointEvent(state=state))) is unsolved


@pytest.mark.parametrize("problem", Attempt.Problem.values())
def test_a_post_without_an_answer_says_why(problem: Attempt.Problem.ValueType) -> None:
    assert webhook_messages.of_attempt(Attempt(problem=problem)).endswith(".")
