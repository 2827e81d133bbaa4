"""Print docs/events.md, generated from the .proto files: how to subscribe, every event, and its example."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from chassis.events.envelope import source_of
from letterhead.events.v1.options_pb2 import EventOptions
from scripts.event_examples import as_json, event_examples
from scripts.event_messages import EventEnum, EventMessage, event_enums, event_messages, name_of

ROOT = Path(__file__).resolve().parent.parent
HEADER = Path(__file__).with_name("events_header.md")
SCALARS = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BOOL: "true, or omitted",
    FieldDescriptorProto.TYPE_INT32: "number",
    FieldDescriptorProto.TYPE_INT64: "number, as string",
}
TENANTS = {
    EventOptions.TENANT_ALWAYS: "with `tenantid`",
    EventOptions.TENANT_IF_KNOWN: "with `tenantid` if SES's event could be matched to an email",
    EventOptions.TENANT_NONE: "without `tenantid`",
}


def document(descriptors: bytes, examples: Mapping[str, Any]) -> str:
    """Return the page, generated from the descriptor set with comments and the recorded examples."""
    messages = event_messages(descriptors)
    events = [
        _event(each, each.options) + _example(examples, each.options.subject)
        for each in messages
        if each.options
    ]
    parts = [
        f"### {each.name}\n\n{each.comment}\n\n{_table(each)}\n" for each in messages if not each.options
    ]
    parts += map(_enum, event_enums(descriptors))
    shared = "## Shared types\n\n" + "\n".join(parts)
    return HEADER.read_text(encoding="utf-8") + "\n" + "\n".join(events) + "\n" + shared


def _event(message: EventMessage, options: EventOptions) -> str:
    envelope = f"From `{source_of(options.owner)}`, {TENANTS[options.tenant]}."
    return f"### `{options.subject}`\n\n{message.comment}\n\n{envelope}\n\n{_table(message)}\n"


def _example(examples: Mapping[str, Any], subject: str) -> str:
    """Return the recorded example of an event, folded; empty if none is recorded yet."""
    if subject not in examples:
        return ""
    example = as_json(examples[subject])
    return f"\n<details><summary>Example</summary>\n\n```json\n{example}\n```\n\n</details>\n"


def _table(message: EventMessage) -> str:
    rows = [
        f"| `{field.json_name}` | {_type(message, field)} | {comment} |"
        for field, comment in message.fields()
    ]
    return "\n".join(["| field | JSON type | |", "|---|---|---|", *rows])


def _enum(enum: EventEnum) -> str:
    rows = [f"| `{name}` | {comment} |" for name, comment in enum.values]
    return f"### {enum.name}\n\n{enum.comment}\n\n" + "\n".join(["| name | |", "|---|---|", *rows]) + "\n"


def _type(message: EventMessage, field: FieldDescriptorProto) -> str:
    if message.map_value(field):
        return "object of strings"
    name = name_of(field)
    if name == "Timestamp":
        return "RFC 3339 time"
    single = f"[{name}](#{name.lower().replace('.', '')})" if name else SCALARS[field.type]
    return f"list of {single}" if field.label == FieldDescriptorProto.LABEL_REPEATED else single


if __name__ == "__main__":
    sys.stdout.write(document((ROOT / "gen/letterhead.binpb").read_bytes(), event_examples()))
