"""What consecutive answers say about an endpoint."""

import pytest

from services.deliverer.model.health import Streak, streak_of
from services.deliverer.model.messages import Answer, Problem

OK, ERROR, TIMEOUT = Answer(200), Answer(500), Answer(None, Problem.TIMEOUT)


@pytest.mark.parametrize(
    ("answers", "streak"),
    [
        ([OK, OK], Streak(succeeded=True, failed=False, failures=0, timeouts=0)),
        ([ERROR, OK], Streak(succeeded=True, failed=True, failures=0, timeouts=0)),
        ([OK, ERROR, TIMEOUT], Streak(succeeded=True, failed=True, failures=2, timeouts=1)),
        ([TIMEOUT, ERROR], Streak(succeeded=False, failed=True, failures=2, timeouts=0)),
        ([TIMEOUT, TIMEOUT], Streak(succeeded=False, failed=True, failures=2, timeouts=2)),
        ([TIMEOUT, OK, TIMEOUT], Streak(succeeded=True, failed=True, failures=1, timeouts=1)),
    ],
    ids=str,
)
def test_the_summary_of_answers(answers: list[Answer], streak: Streak) -> None:
    assert streak_of(answers) == streak
