"""The sandbox's own movable clock, so that SES's 72 hours pass in a test without anyone waiting for them.

It moves only what the sandbox itself decides; the services take their time from the database.
"""

from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus whatever it has been advanced by; it never goes back."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The sandbox's time, in UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> datetime:
        """Moves the clock `seconds` (>= 0) ahead and returns the new time."""
        if seconds < 0:
            raise ValueError("The sandbox's clock only goes forward: advance it by zero seconds or more.")
        self._ahead += timedelta(seconds=seconds)
        return self.now()
