"""When a message is posted again, and when it has failed."""

from datetime import timedelta

import pytest

from services.deliverer.model.schedule import PAUSES, pause_after


def test_the_schedule_begins_as_resends_and_lasts_four_days() -> None:
    seconds = [pause.total_seconds() for pause in PAUSES]

    assert seconds[:7] == [5, 300, 1800, 7200, 18_000, 36_000, 36_000]
    assert sum(PAUSES, timedelta()) >= timedelta(hours=96)
    assert pause_after(len(PAUSES), chance=0, retry_after=None) == timedelta(hours=10)
    assert pause_after(len(PAUSES) + 1, chance=0, retry_after=None) is None


def test_jitter_lengthens_a_pause_by_a_tenth_at_most() -> None:
    assert pause_after(2, chance=1, retry_after=None) == timedelta(seconds=330)


@pytest.mark.parametrize(("asked", "pause"), [(0, 300), (60, 300), (600, 600), (1800, 1800), (86_400, 1800)])
def test_an_endpoint_can_ask_for_a_longer_pause_up_to_the_next_step(asked: int, pause: int) -> None:
    found = pause_after(2, chance=0, retry_after=timedelta(seconds=asked))

    assert found == timedelta(seconds=pause)
