from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import Clock


def test_an_advanced_clock_is_ahead_of_real_time() -> None:
    clock = Clock()

    clock.advance(timedelta(hours=72).total_seconds())

    assert clock.now() - datetime.now(UTC) > timedelta(hours=71, minutes=59)


def test_the_clock_never_goes_back() -> None:
    with pytest.raises(ValueError, match="only goes forward"):
        Clock().advance(-1)
