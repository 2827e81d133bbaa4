"""Conversion of values from and to JSON by botocore's shapes, and their full validation.

botocore's own validator skips enums, patterns and most bounds, which AWS checks.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.model import Shape

_TYPES: dict[str, tuple[type, ...]] = {
    "blob": (bytes,),
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "integer": (int,),
    "list": (list,),
    "long": (int,),
    "map": (dict,),
    "string": (str,),
    "structure": (dict,),
    "timestamp": (datetime,),
}
_SIZED = ("blob", "list", "map", "string")


def read_json(shape: Shape, value: Any) -> Any:
    """Return JSON as Python values of the shape; leave values of the wrong type to `problems`."""
    if isinstance(value, dict) and shape.type_name == "structure":
        return {
            name: read_json(shape.members[name], item) if name in shape.members else item
            for name, item in value.items()
            if item is not None
        }
    if isinstance(value, dict) and shape.type_name == "map":
        return {key: read_json(shape.value, item) for key, item in value.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [read_json(shape.member, item) for item in value]
    return read_scalar(shape, value)


def read_scalar(shape: Shape, value: Any) -> Any:
    """Return one leaf value; a blob is base64, a timestamp seconds, and a form's values are text."""
    try:
        if shape.type_name == "blob":
            return base64.b64decode(value, validate=True)
        if shape.type_name == "timestamp":
            return _read_time(value)
        if isinstance(value, str) and shape.type_name in ("integer", "long"):
            return int(value)
        if isinstance(value, str) and shape.type_name == "boolean":
            return {"true": True, "false": False}[value]
    except (TypeError, ValueError, KeyError, binascii.Error):
        return value
    return value


def _read_time(value: Any) -> datetime:
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(float(value), UTC)


def write_json(shape: Shape, value: Any) -> Any:
    """Return Python values as the JSON that AWS would send."""
    if shape.type_name == "structure":
        return {name: write_json(shape.members[name], item) for name, item in value.items()}
    if shape.type_name == "map":
        return {key: write_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "list":
        return [write_json(shape.member, item) for item in value]
    if shape.type_name == "timestamp":
        return value.timestamp()
    return base64.b64encode(value).decode() if shape.type_name == "blob" else value


def problems(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield every violation of the shape, in AWS's wording."""
    if not _has_type(shape, value):
        yield f"Value at '{path}' failed to satisfy constraint: Member must be of type {shape.type_name}"
        return
    yield from (
        f"Value {value!r} at '{path}' failed to satisfy constraint: {broken}"
        for broken in _broken(shape, value)
    )
    if shape.type_name == "structure":
        yield from _structure_problems(shape, value, path)
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from problems(shape.key, key, f"{path}.{key}")
            yield from problems(shape.value, item, f"{path}.{key}")
    elif shape.type_name == "list":
        for index, item in enumerate(value, 1):
            yield from problems(shape.member, item, f"{path}.{index}.member")


def _structure_problems(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.metadata.get("required", ()):
        if name not in value:
            at = _below(path, name)
            yield f"Value null at '{at}' failed to satisfy constraint: Member must not be null"
    for name, item in value.items():
        if name in shape.members:
            yield from problems(shape.members[name], item, _below(path, name))
        else:
            yield f"Value at '{_below(path, name)}' failed to satisfy constraint: Member is not known"


def _below(path: str, name: str) -> str:
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def _has_type(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool):
        return bool(shape.type_name == "boolean")
    return isinstance(value, _TYPES[shape.type_name])


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    rules = shape.metadata
    size = len(value) if shape.type_name in _SIZED else value
    kind = "have length" if shape.type_name in _SIZED else "have value"
    if "min" in rules and size < rules["min"]:
        yield f"Member must {kind} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"Member must {kind} less than or equal to {rules['max']}"
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    if "pattern" in rules and not _compiled(rules["pattern"]).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {rules['pattern']}"


# AWS's patterns are Java's: classes of letters, numbers and separators, which Python's `re` does not know.
_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": " \u00a0\u2028\u2029\u3000"}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
