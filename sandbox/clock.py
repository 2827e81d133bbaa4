"""The sandbox's adjustable clock, so that a test can let SES's 72 hours pass without waiting.

It affects only the sandbox; the services take their time from the database.
"""

from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus a total offset; it never goes back."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the sandbox's time, in UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> datetime:
        """Advance the clock by `seconds` (>= 0) and return the new time."""
        if seconds < 0:
            raise ValueError("The sandbox's clock only goes forward. Advance it by zero seconds or more.")
        self._ahead += timedelta(seconds=seconds)
        return self.now()
