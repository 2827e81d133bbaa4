"""The times that callers may write in words or in ISO 8601. Pure.

Only forms with one meaning are read; everything else is an error, because an email cannot be called back.
"""

import re
from datetime import UTC, datetime, timedelta

LONGEST = 64  # characters; each form is matched in one pass over them

FORMS = "an ISO 8601 time, `in 1 hour`, `tomorrow at 9am` or `friday at 15:00`; without a time zone it is UTC"
NO_FORM = f"is not a time in a supported form; use {FORMS}"
AMBIGUOUS_UNIT = "has the unit `{unit}`, which may mean two things; write minutes, hours, days or weeks"
AMBIGUOUS_ZONE = (
    "has the time zone `{zone}`; only UTC is read in words, so write the time in ISO 8601 with its offset"
)
AMBIGUOUS_HOUR = "has an hour that may be before or after noon; write 9am, 9pm or 09:00"
AMBIGUOUS_DAY = "names a day that may be this week's or next week's; write the time in ISO 8601"
NO_TIME_OF_DAY = "has no time of day; add one, such as `at 9am`"

UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), timedelta(seconds=1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("w", "week", "weeks"), timedelta(weeks=1)),
}
AMBIGUOUS_UNITS = frozenset({"m", "month", "months", "y", "year", "years"})
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UTC_NAMES = frozenset({"", "utc", "gmt", "z"})

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?")
_IN = re.compile(r"in (a|an|\d{1,5}) ?([a-z]{1,8})")
_ON = re.compile(r"(?:on )?(next )?([a-z]{3,9})(?: at (.{1,24}))?")
_CLOCK = re.compile(r"(?:(noon)|(\d{1,2})(?::(\d\d))? ?(am|pm)?)(?: ([a-z]{1,5}))?")


class NoTime(ValueError):
    """Text that has no time, or more than one; the message lacks its subject, the field."""


def time_in(text: str, now: datetime) -> datetime:
    """Return the time that a text means at `now`. Raise NoTime."""
    if len(text) > LONGEST or not text.isascii():
        raise NoTime(NO_FORM)
    if not is_in_words(text):
        return _of_iso(text.strip().upper())
    words = " ".join(text.lower().split())
    if is_relative := _IN.fullmatch(words):
        return _after(now, *is_relative.groups())
    if on := _ON.fullmatch(words):
        return _on(now, *on.groups())
    raise NoTime(NO_FORM)


def is_in_words(text: str) -> bool:
    """Return whether a time is written in words, which mean another time later."""
    return not text.strip()[:1].isdigit()


def _of_iso(text: str) -> datetime:
    """Return a time in ISO 8601; without a zone, which is UTC then, only if it has a time of day."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoTime(NO_FORM) from None
    if _LOCAL.fullmatch(text) is None:
        raise NoTime(NO_FORM)
    return time.replace(tzinfo=UTC)


def _after(now: datetime, count: str, unit: str) -> datetime:
    if unit in AMBIGUOUS_UNITS:
        raise NoTime(AMBIGUOUS_UNIT.format(unit=unit))
    if unit not in UNITS:
        raise NoTime(NO_FORM)
    return now + UNITS[unit] * (int(count) if count.isdecimal() else 1)


def _on(now: datetime, following: str | None, day: str, clock: str | None) -> datetime:
    days = _days_until(now, day, following=following is not None)
    if clock is None:
        raise NoTime(NO_TIME_OF_DAY)
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days) + _of_clock(clock)


def _days_until(now: datetime, day: str, *, following: bool) -> int:
    if day in ("today", "tomorrow") and not following:
        return int(day == "tomorrow")
    if day not in WEEKDAYS:
        raise NoTime(NO_FORM)
    days = (WEEKDAYS.index(day) - now.weekday()) % 7
    if following or days == 0:
        raise NoTime(AMBIGUOUS_DAY)
    return days


def _of_clock(text: str) -> timedelta:
    """Return the time since midnight, UTC."""
    if (found := _CLOCK.fullmatch(text)) is None:
        raise NoTime(NO_FORM)
    noon, hour, minute, half, zone = found.groups()
    if (zone or "") not in UTC_NAMES:
        raise NoTime(AMBIGUOUS_ZONE.format(zone=zone.upper()))
    if noon:
        return timedelta(hours=12)
    return timedelta(
        hours=_hour(int(hour), half, has_minute=minute is not None), minutes=_minute(minute or "0")
    )


def _hour(hour: int, half: str | None, *, has_minute: bool) -> int:
    if half is None:
        if not has_minute:
            raise NoTime(AMBIGUOUS_HOUR)
        if hour > 23:
            raise NoTime(NO_FORM)
        return hour
    if not 1 <= hour <= 12:
        raise NoTime(NO_FORM)
    return hour % 12 + 12 * (half == "pm")


def _minute(text: str) -> int:
    if int(text) > 59:
        raise NoTime(NO_FORM)
    return int(text)
