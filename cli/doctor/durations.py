"""Durations as `letterhead doctor` prints them."""

from datetime import timedelta


def short(age: timedelta) -> str:
    """Return a duration in the largest unit of which there are two."""
    seconds = age.total_seconds()
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
