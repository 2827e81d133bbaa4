"""How many requests a key may make in a second, and the headers that tell. Each process counts for itself."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

WINDOW = 1.0  # seconds
MOST_KEYS = 10_000  # remembered


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may do after a request; `retry_after` is set where the request itself was one too many."""

    limit: int
    remaining: int
    reset: timedelta
    retry_after: timedelta | None = None

    def headers(self) -> dict[str, str]:
        """Give the headers of draft-ietf-httpapi-ratelimit-headers-06, times in whole seconds."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(ceil(self.reset.total_seconds())),
        }


class Limiter:
    """Counts requests by key, in windows of a second that begin with a key's first request."""

    def __init__(self, per_second: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_second
        self._clock = clock
        self._windows: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def take(self, key: bytes) -> Allowance:
        """Count one request of a key, given by its digest."""
        now = self._clock()
        begun, count = self._windows.get(key, (now, 0))
        if now - begun >= WINDOW:
            begun, count = now, 0
        reset = timedelta(seconds=begun + WINDOW - now)
        if count >= self._limit:
            return Allowance(self._limit, 0, reset, retry_after=reset)
        self._remember(key, begun, count + 1)
        return Allowance(self._limit, self._limit - count - 1, reset)

    def _remember(self, key: bytes, begun: float, count: int) -> None:
        self._windows[key] = (begun, count)
        self._windows.move_to_end(key)
        if len(self._windows) > MOST_KEYS:
            self._windows.popitem(last=False)
