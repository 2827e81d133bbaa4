"""Timestamps in the format of AWS's events and notifications."""

from datetime import datetime


def milliseconds(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds, such as 2026-11-21T09:30:00.123Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
