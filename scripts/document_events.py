"""Print docs/events.md, generated from the .proto files: how to subscribe, every event, and its fields."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
HEADER = Path(__file__).with_name("events_header.md")
PACKAGE = "letterhead.events.v1"
MESSAGES, FIELDS = 4, 2
SUBJECT = re.compile(r"`([a-z]+\.[a-z]+)`: ")
SCALARS = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BOOL: "true, or omitted",
    FieldDescriptorProto.TYPE_INT64: "number, as string",
}

Comments = dict[tuple[int, ...], str]


def document(descriptors: bytes) -> str:
    """Return the page, generated from the descriptor set with comments."""
    events: list[str] = []
    parts: list[str] = []
    for message, comments in _messages(descriptors):
        subject = SUBJECT.match(comments[()])
        section = events if subject else parts
        title = f"`{subject[1]}`" if subject else message.name
        sentence = SUBJECT.sub("", comments[()])
        section.append(
            f"### {title}\n\n{sentence[:1].upper()}{sentence[1:]}\n\n{_table(message, comments)}\n"
        )
    shared = "## Shared types\n\n" + "\n".join(parts)
    return HEADER.read_text(encoding="utf-8") + "\n" + "\n".join(events) + "\n" + shared


def _messages(descriptors: bytes) -> Iterator[tuple[DescriptorProto, Comments]]:
    """Yield every message of the events package with its comments: its own at `()`, fields by their path."""
    for file in FileDescriptorSet.FromString(descriptors).file:
        if file.package == PACKAGE:
            comments = {
                tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location
            }
            for index, message in enumerate(file.message_type):
                own = {path[2:]: text for path, text in comments.items() if path[:2] == (MESSAGES, index)}
                yield message, own


def _table(message: DescriptorProto, comments: Comments) -> str:
    rows = [
        f"| `{field.json_name}` | {_type(message, field)} | {comments[FIELDS, index]} |"
        for index, field in enumerate(message.field)
    ]
    return "\n".join(["| field | JSON type | |", "|---|---|---|", *rows])


def _type(message: DescriptorProto, field: FieldDescriptorProto) -> str:
    name = field.type_name.rpartition(".")[2]
    if any(each.name == name and each.options.map_entry for each in message.nested_type):
        return "object of strings"
    if name == "Timestamp":
        return "RFC 3339 time"
    single = f"[{name}](#{name.lower()})" if name else SCALARS[field.type]
    return f"list of {single}" if field.label == FieldDescriptorProto.LABEL_REPEATED else single


if __name__ == "__main__":
    sys.stdout.write(document((ROOT / "gen/letterhead.binpb").read_bytes()))
