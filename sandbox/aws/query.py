"""AWS's query protocol, which SNS, STS and IAM use: a form as the request, XML as the response."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from botocore.model import Shape

from sandbox.aws.shapes import read_scalar


def read_form(shape: Shape, form: dict[str, str], prefix: str = "") -> Any:
    """Return the shape's value from the form's flat names, or None if the form has none of it."""
    if shape.type_name == "structure":
        return _read_structure(shape, form, prefix)
    if shape.type_name == "list":
        return _read_numbered(f"{prefix}.member", lambda at: read_form(shape.member, form, at))
    if shape.type_name == "map":
        return _read_map(shape, form, f"{prefix}.entry")
    return read_scalar(shape, form[prefix]) if prefix in form else None


def _read_structure(shape: Shape, form: dict[str, str], prefix: str) -> dict[str, Any] | None:
    found = {}
    for name, member in shape.members.items():
        label = member.serialization.get("name", name)
        value = read_form(member, form, f"{prefix}.{label}" if prefix else label)
        if value is not None:
            found[name] = value
    return found if found or not prefix else None


def _read_numbered(prefix: str, read: Callable[[str], Any]) -> list[Any] | None:
    items: list[Any] = []
    while (item := read(f"{prefix}.{len(items) + 1}")) is not None:
        items.append(item)
    return items or None


def _read_map(shape: Shape, form: dict[str, str], prefix: str) -> dict[str, Any] | None:
    key_label = shape.key.serialization.get("name", "key")
    value_label = shape.value.serialization.get("name", "value")

    def entry(at: str) -> tuple[Any, Any] | None:
        key = read_form(shape.key, form, f"{at}.{key_label}")
        return None if key is None else (key, read_form(shape.value, form, f"{at}.{value_label}"))

    entries = _read_numbered(prefix, entry)
    return dict(entries) if entries else None


def write_xml(parent: ET.Element, shape: Shape, value: Any) -> None:
    """Append the value to `parent`, in the format that botocore's parser reads."""
    if shape.type_name == "structure":
        for name, item in value.items():
            member = shape.members[name]
            write_xml(ET.SubElement(parent, member.serialization.get("name", name)), member, item)
    elif shape.type_name == "list":
        for item in value:
            write_xml(ET.SubElement(parent, "member"), shape.member, item)
    elif shape.type_name == "map":
        for key, item in value.items():
            entry = ET.SubElement(parent, "entry")
            write_xml(ET.SubElement(entry, "key"), shape.key, key)
            write_xml(ET.SubElement(entry, "value"), shape.value, item)
    elif shape.type_name == "timestamp":
        parent.text = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        parent.text = str(value).lower() if isinstance(value, bool) else str(value)
