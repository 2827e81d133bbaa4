"""Identifiers made in Python, so that no Postgres extension or version is needed. Not for secrets."""

import secrets
import threading
import time
import uuid


def uuid7() -> uuid.UUID:
    """Make a UUIDv7 (RFC 9562 §5.7, method 3): later ones of this process sort after earlier ones."""
    ticks = _ticks.next()
    head = (ticks >> 12) << 16 | 0x7000 | (ticks & 0xFFF)
    tail = 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=head << 64 | tail)


class _Ticks:
    """Milliseconds since 1970 with 12 bits of fraction, strictly growing even if the clock steps back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        milliseconds, rest = divmod(time.time_ns(), 1_000_000)
        now = milliseconds << 12 | rest * 4096 // 1_000_000
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last


_ticks = _Ticks()
