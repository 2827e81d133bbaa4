"""The messages and enums of events with their comments, for the pages that are generated from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from letterhead.events.v1.options_pb2 import EventOptions, event

PACKAGE = "letterhead.events.v1"
# Field numbers of descriptor.proto, with which source locations identify their element.
MESSAGES, ENUMS, FIELDS, NESTED_ENUMS, VALUES = 4, 5, 2, 4, 2

Path = tuple[int, ...]


@dataclass(frozen=True)
class EventMessage:
    """A message of the package: the data of an event or, if `options` is None, a part of such messages."""

    descriptor: DescriptorProto
    options: EventOptions | None
    comment: str
    field_comments: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.descriptor.name

    def fields(self) -> Iterator[tuple[FieldDescriptorProto, str]]:
        """Yield each field with its comment."""
        return zip(self.descriptor.field, self.field_comments, strict=True)

    def map_value(self, field: FieldDescriptorProto) -> FieldDescriptorProto | None:
        """Return the type of a map's values as a field, or None if the field is not a map."""
        name = field.type_name.rpartition(".")[2]
        for nested in self.descriptor.nested_type:
            if nested.name == name and nested.options.map_entry:
                return nested.field[1]
        return None


@dataclass(frozen=True)
class EventEnum:
    """An enum that a field of an event has; `values` has each name with its comment."""

    name: str
    comment: str
    values: tuple[tuple[str, str], ...]


def event_enums(descriptors: bytes) -> list[EventEnum]:
    """Return the enums of the fields of events, of any package, from a descriptor set with comments."""
    used = {
        name_of(field)
        for message in event_messages(descriptors)
        for field in message.descriptor.field
        if field.type == FieldDescriptorProto.TYPE_ENUM
    }
    files = FileDescriptorSet.FromString(descriptors).file
    return [enum for file in files for enum in _enums(file) if enum.name in used]


def name_of(field: FieldDescriptorProto) -> str:
    """Return the name of a field's message or enum without its package, such as `Domain.State`."""
    parts = field.type_name.split(".")
    return ".".join(part for part in parts if part[:1].isupper())


def _enums(file: FileDescriptorProto) -> Iterator[EventEnum]:
    """Yield the enums of a file, and those of its messages."""
    comments = _comments(file)
    for index, enum in enumerate(file.enum_type):
        yield _enum(enum.name, enum, (ENUMS, index), comments)
    for number, message in enumerate(file.message_type):
        for index, enum in enumerate(message.enum_type):
            path = (MESSAGES, number, NESTED_ENUMS, index)
            yield _enum(f"{message.name}.{enum.name}", enum, path, comments)


def _enum(name: str, enum: EnumDescriptorProto, path: Path, comments: Mapping[Path, str]) -> EventEnum:
    values = [(value.name, comments[(*path, VALUES, number)]) for number, value in enumerate(enum.value)]
    return EventEnum(name, comments[path], tuple(values))


def event_messages(descriptors: bytes) -> list[EventMessage]:
    """Return the messages of the events package from a descriptor set with comments."""
    return [
        message
        for file in FileDescriptorSet.FromString(descriptors).file
        if file.package == PACKAGE and not file.extension  # the message of an option is never published
        for message in _of_file(file)
    ]


def _of_file(file: FileDescriptorProto) -> Iterator[EventMessage]:
    comments = _comments(file)
    for index, message in enumerate(file.message_type):
        yield EventMessage(
            message,
            message.options.Extensions[event] if message.options.HasExtension(event) else None,
            comments[MESSAGES, index],
            tuple(comments[MESSAGES, index, FIELDS, number] for number in range(len(message.field))),
        )


def _comments(file: FileDescriptorProto) -> dict[Path, str]:
    return {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
