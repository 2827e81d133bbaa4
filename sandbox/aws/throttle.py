"""SES's rate limits: a token bucket, and the quota of a rolling day."""

from collections import deque
from datetime import datetime, timedelta

from sandbox.clock import Clock

_DAY = timedelta(hours=24)


class Bucket:
    """A token bucket of `rate` tokens a second; a rate of 0 or less means no limit."""

    def __init__(self, clock: Clock, *, rate: float, capacity: float) -> None:
        self._clock = clock
        self.rate = rate
        self.capacity = capacity
        self._tokens = capacity
        self._filled_at = clock.now()

    def take(self, cost: float = 1) -> bool:
        """Take `cost` tokens if available; a full bucket also grants more than its capacity, on credit."""
        if self.rate <= 0:
            return True
        self._fill()
        if self._tokens < min(cost, self.capacity):
            return False
        self._tokens -= cost
        return True

    def set_rate(self, rate: float, capacity: float) -> None:
        """Change the rate, and fill the bucket."""
        self.rate, self.capacity = rate, capacity
        self._tokens, self._filled_at = capacity, self._clock.now()

    def _fill(self) -> None:
        now = self._clock.now()
        elapsed = (now - self._filled_at).total_seconds()
        self._tokens = min(self.capacity, self._tokens + elapsed * self.rate)
        self._filled_at = now


class Quota:
    """The number of recipients sent to in the last 24 hours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: deque[tuple[datetime, int]] = deque()
        self._total = 0

    def used(self) -> int:
        """Return the number of recipients in the last 24 hours."""
        while self._sent and self._sent[0][0] <= self._clock.now() - _DAY:
            self._total -= self._sent.popleft()[1]
        return self._total

    def add(self, recipients: int) -> None:
        """Count recipients that were just accepted."""
        self._sent.append((self._clock.now(), recipients))
        self._total += recipients
