"""What identity reads of its requests: text, masks, request ids. Not for ids and times (`chassis.protos`)."""

import unicodedata
from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import InvalidField

MAX_REQUEST_ID = 256


def line(field: str, text: str, *, longest: int, required: bool = True) -> str:
    """Reads one line of text for people, without spaces around it."""
    said = text.strip()
    if required and not said:
        raise InvalidField(field, "is empty; give it some text")
    if len(said) > longest:
        raise InvalidField(field, f"is {len(said)} characters long; at most {longest} are kept")
    if any(unicodedata.category(character).startswith("C") for character in said):
        raise InvalidField(field, "holds a control character or an invisible one; give it as one plain line")
    return said


def request_id_of(text: str) -> str:
    """Reads a request_id; empty means that a retry is not to be recognised."""
    if len(text) > MAX_REQUEST_ID or "\0" in text:
        raise InvalidField("request_id", f"is not 1 to {MAX_REQUEST_ID} characters of text; use a UUID")
    return text


def paths_of(mask: FieldMask, allowed: Collection[str]) -> frozenset[str]:
    """Reads which fields an update changes."""
    if not mask.paths:
        raise InvalidField("update_mask", f"names no field; name what changes: {', '.join(allowed)}")
    if unknown := sorted(set(mask.paths) - set(allowed)):
        raise InvalidField("update_mask", f"names {unknown[0][:40]!r}; there is only {', '.join(allowed)}")
    return frozenset(mask.paths)
