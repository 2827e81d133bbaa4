"""Validation of text and field masks; for ids, times and request ids see the chassis."""

import unicodedata
from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import InvalidField


def line(field: str, text: str, *, longest: int, required: bool = True) -> str:
    """Return one line of text, stripped of surrounding spaces; raise InvalidField if it is not valid."""
    stripped = text.strip()
    if required and not stripped:
        raise InvalidField(field, "MISSING")
    if len(stripped) > longest:
        raise InvalidField(field, "TOO_LONG", limit=longest)
    if any(unicodedata.category(character).startswith("C") for character in stripped):
        raise InvalidField(field, "CONTROL_CHARACTER")
    return stripped


def paths_of(mask: FieldMask, allowed: Collection[str]) -> frozenset[str]:
    """Return the fields that an update changes; raise InvalidField if there are none or unknown ones."""
    if not mask.paths:
        raise InvalidField("update_mask", "MISSING")
    if unknown := sorted(set(mask.paths) - set(allowed)):
        raise InvalidField(
            "update_mask", "UNKNOWN_FIELD", value=repr(unknown[0][:40]), allowed=", ".join(allowed)
        )
    return frozenset(mask.paths)
