"""What becomes of one verification as SES looks and time passes."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.aws.axis import PATIENCE, Axis, Status

START = datetime(2026, 11, 21, tzinfo=UTC)
MISSING = "HOST_NOT_FOUND"


def looked_at(*looks: tuple[str | None, timedelta]) -> Axis:
    """An axis after those looks: what was wrong, and how long after the start."""
    axis = Axis(Status.PENDING, START)
    for error, later in looks:
        if axis.watched:
            axis.observe(error, START + later)
    return axis


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("looks", "status"),
    [
        ([], Status.PENDING),
        ([(MISSING, HOUR)], Status.PENDING),
        ([(MISSING, 71 * HOUR)], Status.PENDING),
        ([(MISSING, 72 * HOUR)], Status.FAILED),
        ([(MISSING, 72 * HOUR), (None, 73 * HOUR)], Status.FAILED),
        ([(None, HOUR)], Status.SUCCESS),
        ([(None, 80 * HOUR)], Status.SUCCESS),
        ([(None, HOUR), (MISSING, 2 * HOUR)], Status.TEMPORARY_FAILURE),
        ([(None, HOUR), (MISSING, 2 * HOUR), (MISSING, 73 * HOUR)], Status.TEMPORARY_FAILURE),
        ([(None, HOUR), (MISSING, 2 * HOUR), (MISSING, 74 * HOUR)], Status.FAILED),
        ([(None, HOUR), (MISSING, 2 * HOUR), (None, 50 * HOUR)], Status.SUCCESS),
        (
            [(None, HOUR), (MISSING, 2 * HOUR), (None, 50 * HOUR), (MISSING, 60 * HOUR)],
            Status.TEMPORARY_FAILURE,
        ),
    ],
)
def test_looks_and_hours_move_an_axis(looks: list[tuple[str | None, timedelta]], status: Status) -> None:
    assert looked_at(*looks).status is status


def test_it_tells_when_it_was_looked_at_and_when_it_was_first_seen_good() -> None:
    axis = looked_at((MISSING, HOUR), (None, 2 * HOUR), (None, 3 * HOUR))

    assert axis.error is None
    assert axis.seen_at == START + 2 * HOUR
    assert axis.last_checked_at == axis.last_success_at == START + 3 * HOUR


def test_ses_no_longer_looks_at_what_has_failed_until_it_is_asked_again() -> None:
    axis = looked_at((MISSING, PATIENCE))
    given_up = not axis.watched

    axis.restart(START + PATIENCE)

    assert given_up
    assert (axis.watched, axis.status, axis.since) == (True, Status.PENDING, START + PATIENCE)


def test_a_forced_status_is_held_until_it_is_given_back() -> None:
    axis = looked_at()

    axis.force(Status.SUCCESS, START)
    held = not axis.watched
    axis.force(None, START + HOUR)

    assert held
    assert (axis.watched, axis.status) == (True, Status.PENDING)
