"""Print docs/asyncapi.yaml, generated from the .proto files: every event as AsyncAPI 3.0 with JSON Schema."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from chassis.events.authorization import SUBSCRIBER, inbox_prefix
from chassis.events.envelope import CONTENT_TYPE, source_of
from letterhead.events.v1.options_pb2 import EventOptions
from scripts.event_examples import event_examples
from scripts.event_messages import (
    PACKAGE,
    EventEnum,
    EventMessage,
    event_enums,
    event_messages,
    name_of,
)

ROOT = Path(__file__).resolve().parent.parent
COMMENT = "# Generated from protos/letterhead/events/v1 by `make docs`; edit it there.\n"
DESCRIPTION = """Letterhead publishes an event on NATS for every change of state. The operations
describe Letterhead, so they are `send`; a subscriber performs `receive` on the same channels. An installation
can add a prefix to all addresses (`LETTERHEAD_NATS_SUBJECT_PREFIX`).

Events are delivered at least once and unordered: deduplicate by `id`. A field of `data` that is empty, false
or zero is omitted. New fields and events may be added at any time, so ignore those that you do not know.
"""
Schema = dict[str, Any]

# How proto3-JSON encodes scalars. 64-bit integers are strings, because many parsers read numbers as doubles.
SCALARS: dict[FieldDescriptorProto.Type.ValueType, Schema] = {
    FieldDescriptorProto.TYPE_STRING: {"type": "string"},
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptorProto.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    FieldDescriptorProto.TYPE_INT64: {"type": "string", "pattern": "^-?[0-9]+$"},
    FieldDescriptorProto.TYPE_UINT64: {"type": "string", "pattern": "^[0-9]+$"},
    FieldDescriptorProto.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}


def document(descriptors: bytes, examples: Mapping[str, Schema]) -> Schema:
    """Return the document, generated from the descriptor set with comments and the recorded examples."""
    messages = event_messages(descriptors)
    events = [(each, each.options) for each in messages if each.options]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Letterhead events",
            "version": "1.0.0",  # of the package letterhead.events.v1, not of a release
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"nats": _server()},
        "channels": {options.subject: _channel(each, options) for each, options in events},
        "operations": {f"send{each.name}": _operation(each, options) for each, options in events},
        "components": {
            "messages": {
                each.name: _message(each, options) | _examples(examples, options.subject)
                for each, options in events
            },
            "schemas": {
                "CloudEvent": _envelope(),
                **{each.name: data_schema(each) for each in messages},
                **{each.name: enum_schema(each) for each in event_enums(descriptors)},
            },
            "securitySchemes": {"nkey": _nkey()},
        },
    }


def _server() -> Schema:
    return {
        "host": "{host}",
        "protocol": "nats",
        "title": "The installation's NATS",
        "description": "The events are in the JetStream stream `LETTERHEAD`, which keeps them for 7 days.",
        "variables": {
            "host": {
                "description": "Host and port of the installation's NATS server.",
                "examples": ["nats.example.com:4222"],
            }
        },
        "security": [{"$ref": "#/components/securitySchemes/nkey"}],
    }


def _nkey() -> Schema:
    return {
        "type": "asymmetricEncryption",
        "description": f"The nkey of the read-only user `{SUBSCRIBER}`. Replies arrive only below "
        f"`{inbox_prefix(SUBSCRIBER)}.`, so set that inbox prefix in the client.",
    }


def _channel(message: EventMessage, options: EventOptions) -> Schema:
    return {
        "address": options.subject,
        "description": message.comment,
        "messages": {message.name: {"$ref": f"#/components/messages/{message.name}"}},
    }


def _operation(message: EventMessage, options: EventOptions) -> Schema:
    channel = f"#/channels/{options.subject}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": f"Published by {options.owner}.",
        "messages": [{"$ref": f"{channel}/messages/{message.name}"}],
    }


def _message(message: EventMessage, options: EventOptions) -> Schema:
    own: Schema = {
        "properties": {
            "type": {"const": options.subject},
            "source": {"const": source_of(options.owner)},
            "dataschema": {"const": f"{PACKAGE}.{message.name}"},
            "data": _reference(message.name),
        }
    }
    if options.tenant == EventOptions.TENANT_ALWAYS:
        own["required"] = ["tenantid"]
    elif options.tenant == EventOptions.TENANT_NONE:
        own["not"] = {"required": ["tenantid"]}
    return {
        "name": message.name,
        "title": options.subject,
        "summary": message.comment,
        "contentType": CONTENT_TYPE,
        "payload": {"allOf": [_reference("CloudEvent"), own]},
    }


def _examples(examples: Mapping[str, Schema], subject: str) -> Schema:
    """Return the recorded example of an event as a message's `examples`; empty if none is recorded yet."""
    return {"examples": [{"payload": examples[subject]}]} if subject in examples else {}


def _envelope() -> Schema:
    """Return the schema of what `chassis.events.envelope` writes."""
    properties = {
        "specversion": {"const": "1.0"},
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "The id of the event, also its `Nats-Msg-Id`. Deduplicate by it.",
        },
        "source": {"type": "string", "description": "The service that owns the event."},
        "type": {"type": "string", "description": "The name of the event: its subject without the prefix."},
        "subject": {"type": "string", "description": "What the event is about, such as a domain name."},
        "time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "description": "The protobuf message that `data` is."},
        "tenantid": {"type": "string", "format": "uuid", "description": "The tenant's id."},
        "data": {"type": "object", "description": "The proto3-JSON of the message."},
    }
    required = [name for name in properties if name not in {"subject", "tenantid"}]
    return {
        "type": "object",
        "description": "A CloudEvent 1.0 in structured JSON mode.",
        "required": required,
        "properties": properties,
    }


def data_schema(message: EventMessage) -> Schema:
    """Return the schema of a message's proto3-JSON; no field is required, as empty ones are omitted."""
    properties = {
        field.json_name: _described(_field(message, field), comment) for field, comment in message.fields()
    }
    return {"type": "object", "description": message.comment, "properties": properties}


def enum_schema(enum: EventEnum) -> Schema:
    """Return the schema of an enum's names; a newer release may have more of them."""
    names = [name for name, _ in enum.values[1:]]  # the first one is never published
    return {"type": "string", "description": enum.comment, "examples": names}


def _described(schema: Schema, comment: str) -> Schema:
    """Add a comment; JSON Schema draft 7 ignores everything beside a `$ref`, which AsyncAPI 3.0 uses."""
    return {"description": comment} | ({"allOf": [schema]} if "$ref" in schema else schema)


def _field(message: EventMessage, field: FieldDescriptorProto) -> Schema:
    if value := message.map_value(field):
        return {"type": "object", "additionalProperties": _single(value)}
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return {"type": "array", "items": _single(field)}
    return _single(field)


def _single(field: FieldDescriptorProto) -> Schema:
    if field.type_name == ".google.protobuf.Timestamp":
        return {"type": "string", "format": "date-time"}
    if field.type in (FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_ENUM):
        return _reference(name_of(field))
    return dict(SCALARS[field.type])


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks, and equal values in full instead of as aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - overrides
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def written(content: Schema) -> str:
    """Return the document as YAML."""
    return COMMENT + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


if __name__ == "__main__":
    sys.stdout.write(written(document((ROOT / "gen/letterhead.binpb").read_bytes(), event_examples())))
