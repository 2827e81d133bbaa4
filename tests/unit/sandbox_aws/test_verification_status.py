"""The state of one verification after DNS checks over time."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.aws.condition import PATIENCE, Condition, Status

START = datetime(2026, 11, 21, tzinfo=UTC)
MISSING = "HOST_NOT_FOUND"


def checked(*checks: tuple[str | None, timedelta]) -> Condition:
    """Return a verification after these checks, each an error (or None) and the time since the start."""
    verification = Condition(Status.PENDING, START)
    for error, later in checks:
        if verification.watched:
            verification.observe(error, START + later)
    return verification


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("checks", "status"),
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
def test_checks_over_time_change_the_status(
    checks: list[tuple[str | None, timedelta]], status: Status
) -> None:
    assert checked(*checks).status is status


def test_the_times_of_checks_and_of_success_are_recorded() -> None:
    verification = checked((MISSING, HOUR), (None, 2 * HOUR), (None, 3 * HOUR))

    assert verification.error is None
    assert verification.seen_at == START + 2 * HOUR
    assert verification.last_checked_at == verification.last_success_at == START + 3 * HOUR


def test_a_failed_verification_is_not_checked_until_restarted() -> None:
    verification = checked((MISSING, PATIENCE))
    stopped = not verification.watched

    verification.restart(START + PATIENCE)

    assert stopped
    assert (verification.watched, verification.status, verification.since) == (
        True,
        Status.PENDING,
        START + PATIENCE,
    )


def test_a_forced_status_stays_until_it_is_released() -> None:
    verification = checked()

    verification.force(Status.SUCCESS, START)
    held = not verification.watched
    verification.force(None, START + HOUR)

    assert held
    assert (verification.watched, verification.status) == (True, Status.PENDING)
