"""The rate limit of each key and its response headers. Each process counts separately."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

WINDOW = 1.0  # seconds
MOST_KEYS = 10_000  # kept in memory


@dataclass(frozen=True, slots=True)
class Allowance:
    """The remaining allowance of a key; `retry_after` is set if the request exceeded the limit."""

    limit: int
    remaining: int
    reset: timedelta
    retry_after: timedelta | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers of draft-ietf-httpapi-ratelimit-headers-06, with times in whole seconds."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(ceil(self.reset.total_seconds())),
        }


class Limiter:
    """Counts requests per key in windows of one second that start with a key's first request."""

    def __init__(self, per_second: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_second
        self._clock = clock
        self._windows: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def take(self, key: bytes) -> Allowance:
        """Count one request of a key, given by its hash, and return the remaining allowance."""
        now = self._clock()
        started, count = self._windows.get(key, (now, 0))
        if now - started >= WINDOW:
            started, count = now, 0
        reset = timedelta(seconds=started + WINDOW - now)
        if count >= self._limit:
            return Allowance(self._limit, 0, reset, retry_after=reset)
        self._remember(key, started, count + 1)
        return Allowance(self._limit, self._limit - count - 1, reset)

    def _remember(self, key: bytes, started: float, count: int) -> None:
        self._windows[key] = (started, count)
        self._windows.move_to_end(key)
        if len(self._windows) > MOST_KEYS:
            self._windows.popitem(last=False)
