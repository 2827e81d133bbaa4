"""Times that requests name, relative to now."""

from datetime import UTC, datetime, timedelta


def named_times() -> dict[str, str]:
    """Return times in the forms that clients write them."""
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    later = soon + timedelta(hours=1)
    return {
        "in_an_hour": soon.isoformat(),
        "in_an_hour_z": soon.isoformat().replace("+00:00", "Z"),
        "in_an_hour_ms": soon.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "in_an_hour_naive": soon.replace(tzinfo=None).isoformat(),
        "in_two_hours_z": later.isoformat().replace("+00:00", "Z"),
        "in_two_hours_ms": later.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
