"""Dates and times as the pages show them, in UTC. Pure."""

from datetime import UTC, datetime, timedelta


def when(time: datetime, now: datetime | None = None) -> str:
    """Return a UTC time relative to now, such as `2 h ago`; beyond a week, the date."""
    distance = time - (now or datetime.now(UTC).replace(tzinfo=None))
    if abs(distance) < timedelta(minutes=1):
        return "just now" if distance <= timedelta(0) else "in a moment"
    if abs(distance) >= timedelta(days=7):
        return time.strftime("%-d %b %Y")
    minutes = round(abs(distance) / timedelta(minutes=1))
    count, unit = (minutes, "min") if minutes < 60 else (round(minutes / 60), "h")
    if count >= 24 and unit == "h":
        count, unit = round(count / 24), "days"
    amount = f"{count} {unit if count > 1 else unit.removesuffix('s')}"
    return f"{amount} ago" if distance < timedelta(0) else f"in {amount}"


def moment(time: datetime) -> str:
    """Return a UTC time to the minute, such as `3 December 2026, 14:00 UTC`."""
    return time.strftime("%-d %B %Y, %H:%M UTC")
