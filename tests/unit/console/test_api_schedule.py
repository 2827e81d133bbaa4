"""Times in words and in ISO 8601: what has one meaning is read, and the rest is rejected with its cause."""

import time
from datetime import UTC, datetime

import pytest

from services.console.api.errors import Rejected
from services.console.api.schedule import NoTime, is_in_words, time_in
from services.console.api.times import stamp_of

NOW = datetime(2026, 11, 25, 10, 30, 15, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("in 1 hour", "2026-11-25T11:30:15"),
        ("in 1 min", "2026-11-25T10:31:15"),
        ("In  90   Seconds", "2026-11-25T10:31:45"),
        ("in an hour", "2026-11-25T11:30:15"),
        ("in 30 days", "2026-12-25T10:30:15"),
        ("in 2h", "2026-11-25T12:30:15"),
        ("in a week", "2026-12-02T10:30:15"),
        ("tomorrow at 9am", "2026-11-26T09:00:00"),
        ("Tomorrow at 12:30 am", "2026-11-26T00:30:00"),
        ("today at 23:59", "2026-11-25T23:59:00"),
        ("tomorrow at noon UTC", "2026-11-26T12:00:00"),
        ("tomorrow at 12pm gmt", "2026-11-26T12:00:00"),
        ("friday at 3pm", "2026-11-27T15:00:00"),
        ("on Tuesday at 09:00", "2026-12-01T09:00:00"),
        ("2026-12-01T08:00:00Z", "2026-12-01T08:00:00"),
        ("2026-12-01T08:00:00.858+02:00", "2026-12-01T06:00:00.858"),
        ("20261201T080000Z", "2026-12-01T08:00:00"),
        ("2026-12-01T08:00:00", "2026-12-01T08:00:00"),
        ("2026-12-01 08:00", "2026-12-01T08:00:00"),
        (" 2026-12-01t08:00:00z ", "2026-12-01T08:00:00"),
    ],
)
def test_a_time_with_one_meaning_is_read_in_utc(text: str, meant: str) -> None:
    assert time_in(text, NOW) == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "supported form"),
        ("soon", "supported form"),
        ("next week", "supported form"),
        ("in 1 hour and a bit", "supported form"),
        ("in an hour" + " " * 60, "supported form"),
        ("in \u0661 hour", "supported form"),
        ("1893456000", "supported form"),
        ("2030-01-02", "supported form"),
        ("2030-13-01T00:00:00Z", "supported form"),
        ("0001-01-01T00:00:00+14:00", "supported form"),
        ("9999-12-31T23:59:59-14:00", "supported form"),
        ("01/02/2030 9am", "supported form"),
        ("tomorrow at 24:00", "supported form"),
        ("tomorrow at 13pm", "supported form"),
        ("tomorrow at 9:60", "supported form"),
        ("in 5 m", "may mean two things"),
        ("in 1 month", "may mean two things"),
        ("tomorrow", "no time of day"),
        ("tomorrow at 9", "before or after noon"),
        ("friday at 3pm et", "time zone `ET`"),
        ("tomorrow at 9am PST", "time zone `PST`"),
        ("next friday at 3pm", "this week's or next week's"),
        ("wednesday at 3pm", "this week's or next week's"),
    ],
)
def test_a_time_with_no_or_several_meanings_is_rejected_with_the_cause(text: str, cause: str) -> None:
    with pytest.raises(NoTime, match=cause):
        time_in(text, NOW)


def test_the_error_names_the_field() -> None:
    with pytest.raises(Rejected, match=r"^`scheduled_at` has an hour that may be .*\.$") as caught:
        stamp_of("scheduled_at", "tomorrow at 9", NOW)

    assert (caught.value.status, caught.value.name) == (422, "validation_error")


@pytest.mark.parametrize("text", ["in 1 hour", " tomorrow at 9am", "friday at 15:00"])
def test_words_and_times_are_distinguished(text: str) -> None:
    assert is_in_words(text)
    assert not is_in_words(" 2026-12-01T08:00:00")


@pytest.mark.parametrize("text", ["in " + "9" * 10**6, " " * 10**6, "on next " * 10**5, "2" * 10**6])
def test_a_long_text_is_rejected_without_being_read(text: str) -> None:
    began = time.process_time()

    with pytest.raises(NoTime):
        time_in(text, NOW)

    assert time.process_time() - began < 0.1
