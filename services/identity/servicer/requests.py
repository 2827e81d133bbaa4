"""Validation of text and field masks; for ids, times and request ids see the chassis."""

import unicodedata
from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import InvalidField


def line(field: str, text: str, *, longest: int, required: bool = True) -> str:
    """Return one line of text, stripped of surrounding spaces; raise InvalidField if it is not valid."""
    stripped = text.strip()
    if required and not stripped:
        raise InvalidField(field, "is empty; enter some text")
    if len(stripped) > longest:
        raise InvalidField(field, f"is {len(stripped)} characters long; use at most {longest}")
    if any(unicodedata.category(character).startswith("C") for character in stripped):
        raise InvalidField(field, "contains a control or invisible character; enter one line of plain text")
    return stripped


def paths_of(mask: FieldMask, allowed: Collection[str]) -> frozenset[str]:
    """Return the fields that an update changes; raise InvalidField if there are none or unknown ones."""
    if not mask.paths:
        raise InvalidField("update_mask", f"is empty; add the fields to change: {', '.join(allowed)}")
    if unknown := sorted(set(mask.paths) - set(allowed)):
        raise InvalidField(
            "update_mask", f"has the unknown path {unknown[0][:40]!r}; allowed paths: {', '.join(allowed)}"
        )
    return frozenset(mask.paths)
