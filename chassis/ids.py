"""Identifiers generated in Python, so that no Postgres extension is needed. Do not use them as secrets."""

import re
import secrets
import threading
import time
import uuid

REQUEST_ID = "x-request-id"  # of an HTTP header, and of gRPC metadata
WEBHOOK_ID_PREFIX = "msg_"
_REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id_of(given: str) -> str:
    """Return the id that a caller gave its request, or a new one if it is missing or malformed."""
    return given if _REQUEST_ID_FORM.fullmatch(given) else str(uuid7())


def uuid7() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562 §6.2, method 3) that sorts after all earlier ones of this process."""
    ticks = _ticks.next()
    head = (ticks >> 12) << 16 | 0x7000 | (ticks & 0xFFF)
    tail = 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=head << 64 | tail)


def webhook_id(message_id: uuid.UUID) -> str:
    """Return the header `webhook-id` of a message, `msg_…`."""
    return f"{WEBHOOK_ID_PREFIX}{message_id.hex}"


def message_id_of(text: str) -> uuid.UUID:
    """Return the id of the message with this header `webhook-id`; raise ValueError for other text."""
    if not text.startswith(WEBHOOK_ID_PREFIX):
        raise ValueError(text)
    return uuid.UUID(text.removeprefix(WEBHOOK_ID_PREFIX))


class _Ticks:
    """Milliseconds since 1970 with a 12-bit fraction; strictly increasing even if the clock steps back."""

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
