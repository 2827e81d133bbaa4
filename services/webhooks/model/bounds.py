"""Limits untrusted JSON to what Postgres, protobuf and NATS accept.

Addresses, subjects and diagnostics come from the Internet through SES. `feedback` decides what they mean.
"""

import json
import math
from itertools import islice
from typing import Any

# SES allows 50 recipients per email and its own objects are flat, so genuine events stay below these limits.
MAX_TEXT = 2_000  # characters
MAX_ITEMS = 50
MAX_DEPTH = 8
MAX_DETAIL = 32_000  # characters of JSON
EXACT_INTEGER = 2**53  # protobuf's Struct stores numbers as doubles, which lose larger integers


def bounded(value: Any, depth: int = 0) -> Any:
    """Return decoded JSON with long strings and lists truncated and deep nesting replaced by None."""
    if isinstance(value, str):
        return bounded_text(value)
    if isinstance(value, dict | list) and depth == MAX_DEPTH:
        return None
    if isinstance(value, dict):
        items = islice(value.items(), MAX_ITEMS)
        return {bounded_text(key): bounded(item, depth + 1) for key, item in items}
    if isinstance(value, list):
        return [bounded(item, depth + 1) for item in value[:MAX_ITEMS]]
    return _bounded_number(value)


def bounded_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return the start of a string with NUL and lone surrogates replaced, because Postgres rejects both."""
    return text[:limit].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def bounded_detail(value: dict[str, Any]) -> dict[str, Any]:
    """Return a bounded object unchanged, or the start of its JSON under `cut` if it is too long in total."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_DETAIL else {"cut": text[:MAX_DETAIL]}


def _bounded_number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        return bounded_text(str(value))
    return value
