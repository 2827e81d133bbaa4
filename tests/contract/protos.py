"""The compiled .proto files with comments, for the contract tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from tests.contract.sources import ROOT

# Field numbers of descriptor.proto, with which source locations identify their element.
MESSAGES, ENUMS, SERVICES, EXTENSIONS = 4, 5, 6, 7
FIELDS, NESTED_MESSAGES, NESTED_ENUMS = 2, 3, 4
VALUES, METHODS = 2, 2

Path = tuple[int, ...]
Comments = dict[Path, str]


@dataclass(frozen=True)
class Element:
    """One element of a .proto file with its comment; `is_text` for fields that are strings."""

    kind: str
    name: str
    comment: str
    is_text: bool = False


@dataclass(frozen=True)
class Rpc:
    """One rpc of a gRPC service, with its comment and that of the service."""

    package: str
    service: str
    method: MethodDescriptorProto
    comment: str
    service_comment: str

    @property
    def name(self) -> str:
        """Return its name with that of the service, such as `DomainService.GetDomain`."""
        return f"{self.service}.{self.method.name}"


@cache
def files() -> list[FileDescriptorProto]:
    """Return Letterhead's own .proto files, sorted by name."""
    found = FileDescriptorSet.FromString((ROOT / "gen/letterhead.binpb").read_bytes())
    return sorted(
        (file for file in found.file if file.package.startswith("letterhead.")), key=lambda file: file.name
    )


def rpcs() -> Iterator[Rpc]:
    """Yield every RPC of the contract."""
    for file in files():
        comments = {element.name: element.comment for element in elements(file)}
        for service in file.service:
            for method in service.method:
                comment = comments[f"{service.name}.{method.name}"]
                yield Rpc(file.package, service.name, method, comment, comments[service.name])


def elements(file: FileDescriptorProto) -> Iterator[Element]:
    """Yield every service, RPC, message, field, enum, value and extension of a file."""
    comments = {tuple(at.path): at.leading_comments.strip() for at in file.source_code_info.location}
    for index, service in enumerate(file.service):
        yield Element("service", service.name, comments.get((SERVICES, index), ""))
        for number, method in enumerate(service.method):
            yield Element(
                "rpc", f"{service.name}.{method.name}", comments.get((SERVICES, index, METHODS, number), "")
            )
    for index, message in enumerate(file.message_type):
        yield from _message(message, (MESSAGES, index), comments, "")
    for index, enum in enumerate(file.enum_type):
        yield from _enum(enum, (ENUMS, index), comments, "")
    for index, extension in enumerate(file.extension):
        yield Element("extension", extension.name, comments.get((EXTENSIONS, index), ""))


def _message(message: DescriptorProto, path: Path, comments: Comments, outer: str) -> Iterator[Element]:
    if message.options.map_entry:
        return
    name = f"{outer}{message.name}"
    yield Element("message", name, comments.get(path, ""))
    for index, field in enumerate(message.field):
        comment = comments.get((*path, FIELDS, index), "")
        is_text = field.type == FieldDescriptorProto.TYPE_STRING
        yield Element("field", f"{name}.{field.name}", comment, is_text=is_text)
    for index, nested in enumerate(message.nested_type):
        yield from _message(nested, (*path, NESTED_MESSAGES, index), comments, f"{name}.")
    for index, enum in enumerate(message.enum_type):
        yield from _enum(enum, (*path, NESTED_ENUMS, index), comments, f"{name}.")


def _enum(enum: EnumDescriptorProto, path: Path, comments: Comments, outer: str) -> Iterator[Element]:
    name = f"{outer}{enum.name}"
    yield Element("enum", name, comments.get(path, ""))
    for index, value in enumerate(enum.value):
        yield Element("value", f"{name}.{value.name}", comments.get((*path, VALUES, index), ""))


def full_names(service: str) -> set[str]:
    """Return the full names of the gRPC services in the package of a service."""
    package = f"letterhead.{service}.v1"
    return {f"{package}.{each.name}" for file in files() if file.package == package for each in file.service}
