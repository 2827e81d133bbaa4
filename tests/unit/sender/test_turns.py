"""Turns taken together are those that would have been taken one by one."""

from datetime import timedelta

from services.sender.worker.turns import spaced


def seconds(*waits: float) -> list[timedelta]:
    return [timedelta(seconds=wait) for wait in waits]


def test_each_waits_for_its_own_turn_and_the_last_for_all() -> None:
    assert spaced(timedelta(seconds=4), [1, 2, 1], rate=1) == seconds(1, 3, 4)


def test_what_the_bucket_holds_goes_at_once() -> None:
    assert spaced(timedelta(seconds=1), [1, 1, 1], rate=1) == seconds(0, 0, 1)
    assert spaced(timedelta(0), [1, 1], rate=1) == seconds(0, 0)


def test_beyond_patience_nobody_has_a_turn() -> None:
    assert spaced(None, [1, 1], rate=1) == [None, None]
