"""Bounds for JSON that strangers had a hand in: what is left fits into Postgres, protobuf and NATS.

Addresses, subjects and diagnostics come from the open Internet through SES. Not for what the values mean.
"""

import json
import math
from itertools import islice
from typing import Any

# SES sends an email to 50 recipients at most, and its own blocks are flat; all else is not SES's doing.
MAX_TEXT = 2_000  # characters
MAX_ITEMS = 50
MAX_DEPTH = 8
MAX_DETAIL = 32_000  # characters of JSON
EXACT_INTEGER = 2**53  # above it a number changes on its way through protobuf's Struct


def bounded(value: Any, depth: int = 0) -> Any:
    """Give decoded JSON with long texts and lists cut, deep ends dropped, nothing that Postgres refuses."""
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
    """Give the start of a text, with NUL and lone surrogates made visible: Postgres takes neither."""
    return text[:limit].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def bounded_detail(value: dict[str, Any]) -> dict[str, Any]:
    """Give a bounded object as it is, or when all its parts together are too long, the start of its JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_DETAIL else {"cut": text[:MAX_DETAIL]}


def _bounded_number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        return bounded_text(str(value))
    return value
