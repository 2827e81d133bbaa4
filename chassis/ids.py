"""Identifiers made in Python, so that no Postgres extension or version is needed. Not for secrets."""

import secrets
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """Make a UUIDv7 (RFC 9562 §5.7, method 3): later ones of this process sort after earlier ones."""
    ticks = _next_ticks()
    head = (ticks >> 12) << 16 | 0x7000 | (ticks & 0xFFF)
    tail = 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=head << 64 | tail)


def _next_ticks() -> int:
    """Milliseconds since 1970 with 12 bits of fraction, strictly growing even if the clock steps back."""
    global _last
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    ticks = milliseconds << 12 | rest * 4096 // 1_000_000
    with _lock:
        _last = max(ticks, _last + 1)
        return _last
