"""When a message is posted again, and when it has failed."""

from datetime import UTC, datetime, timedelta

import pytest

from services.deliverer.model.schedule import PAUSES, pause_after, pause_in


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


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Mon, 30 Nov 2026 12:02:00 GMT", 120),
        ("Monday, 30-Nov-26 12:02:00 GMT", 120),  # the obsolete form of RFC 850
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0),
        ("", None), ("soon", None), ("-5", None), ("1.5", None), ("9" * 8, None), ("\u0661", None),
        ("Mon, 30 Nov 2026 99:00:00 GMT", None),
        ("Mon, 30 Nov 99999 12:00:00 GMT", None),
        ("1" * 5000, None),
    ],
)  # fmt: skip
def test_an_endpoint_asks_for_a_pause_in_seconds_or_by_a_date(header: str, seconds: int | None) -> None:
    found = pause_in(header, datetime(2026, 11, 30, 12, tzinfo=UTC))

    assert found == (None if seconds is None else timedelta(seconds=seconds))
