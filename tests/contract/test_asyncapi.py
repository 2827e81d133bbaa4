"""docs/asyncapi.yaml is up to date, valid AsyncAPI 3.0, and describes the events that services publish."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import yaml
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import DESCRIPTOR as TIMESTAMP
from jsonschema import Draft7Validator, FormatChecker

from chassis.events import Event
from chassis.events.subjects import INSTALLATION_WIDE, MESSAGES, OWNERS, TENANT_IF_KNOWN
from scripts.document_asyncapi import data_schema, enum_schema
from scripts.event_examples import event_examples
from scripts.event_messages import EventEnum, EventMessage
from tests.contract.published import encoded, published
from tests.contract.sources import ROOT

PAGE = (ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = yaml.safe_load(PAGE)
OFFICIAL = json.loads((ROOT / "tests/contract/asyncapi/3.0.0.json").read_text(encoding="utf-8"))
EVENTS = list(published())
FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time", raises=ValueError)(datetime.fromisoformat)
FORMATS.checks("uuid", raises=ValueError)(UUID)
Field = FieldDescriptorProto


def test_the_document_is_up_to_date() -> None:
    generated = subprocess.run(
        [sys.executable, "scripts/document_asyncapi.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert generated.stdout == PAGE, "run `make docs`"


def test_the_document_is_valid_by_the_official_schema() -> None:
    assert [each.message for each in Draft7Validator(OFFICIAL).iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("path", "mistake"),
    [
        (("info",), {}),
        (("operations", "sendDomainReady", "action"), "publish"),
        (("servers", "nats", "url"), ""),
    ],
    ids=str,
)
def test_the_official_schema_finds_a_mistake(path: tuple[str, ...], mistake: object) -> None:
    planted = deepcopy(DOCUMENT)
    part = planted
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = mistake

    assert list(Draft7Validator(OFFICIAL).iter_errors(planted))


def test_the_document_has_what_the_schema_cannot_require() -> None:
    """Check the rest of https://www.asyncapi.com/docs/reference/specification/v3.0.0."""
    for server in DOCUMENT["servers"].values():
        assert re.findall(r"\{(\w+)\}", server["host"]) == list(server["variables"])
    for operation in DOCUMENT["operations"].values():
        channel = operation["channel"]["$ref"]
        assert channel.startswith("#/channels/")
        for message in operation["messages"]:  # the channel's own, not those in `components`
            assert message["$ref"].startswith(f"{channel}/messages/")


def test_every_reference_resolves() -> None:
    targets = list(references(DOCUMENT))

    assert len(targets) > 4 * len(MESSAGES)
    assert all(resolved(target) for target in targets)


def test_each_subject_has_one_channel_and_one_operation() -> None:
    channels = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}
    operated = [each["channel"]["$ref"] for each in DOCUMENT["operations"].values()]

    assert channels == {subject: subject for subject in OWNERS}
    assert sorted(operated) == sorted(f"#/channels/{name}" for name in channels)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_schema_is_valid_json_schema(name: str) -> None:
    Draft7Validator.check_schema(DOCUMENT["components"]["schemas"][name])


@pytest.mark.parametrize("subject", OWNERS)
def test_a_payload_is_valid_json_schema(subject: str) -> None:
    Draft7Validator.check_schema(message_of(subject)["payload"])
    assert message_of(subject)["contentType"] == "application/cloudevents+json"


@pytest.mark.parametrize("subject", OWNERS)
def test_the_recorded_example_of_an_event_is_valid(subject: str) -> None:
    [example] = message_of(subject)["examples"]

    assert example["payload"] == event_examples()[subject]
    assert errors(subject, example["payload"]) == []


def test_services_build_an_event_for_every_subject() -> None:
    assert {event.subject for event in EVENTS} == set(MESSAGES)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_an_event_that_a_service_builds_is_valid(event: Event) -> None:
    assert errors(event.subject, json.loads(encoded(event))) == []


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_an_event_is_not_valid_as_another(event: Event) -> None:
    content = json.loads(encoded(event))

    assert all(errors(other, content) for other in OWNERS if other != event.subject)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_a_tenant_is_required_unless_the_contract_says_otherwise(event: Event) -> None:
    content = json.loads(encoded(event))
    without = {name: value for name, value in content.items() if name != "tenantid"}
    tenant = "019a1f0d-0000-7000-8000-000000000001"

    assert bool(errors(event.subject, without)) == (event.subject not in INSTALLATION_WIDE | TENANT_IF_KNOWN)
    assert bool(errors(event.subject, content | {"tenantid": tenant})) == (event.subject in INSTALLATION_WIDE)


@pytest.mark.parametrize(
    "change",
    [
        {"occurTime": "yesterday"},
        {"hard": "true"},
        {"recipients": ["ada@example.com"]},
        {"recipients": [{"adress": "ada@example.com"}]},
        {"bounce_type": "Permanent"},
        {"email": {"tags": {"campaign": 7}}},
    ],
    ids=str,
)
def test_a_mistake_in_the_data_is_found(change: dict[str, Any]) -> None:
    event = next(each for each in EVENTS if each.subject == "bounce.received")
    content = json.loads(encoded(event))

    assert errors("bounce.received", content | {"data": content["data"] | change})


def test_generations_are_strings() -> None:
    event = next(each for each in EVENTS if each.subject == "domain.created")
    content = json.loads(encoded(event))
    domain = content["data"]["domain"]

    assert domain["generation"] == "3"
    assert errors("domain.created", content | {"data": {"domain": domain | {"generation": 3}}})


def test_every_kind_of_field_has_the_schema_of_its_json() -> None:
    """Encode a message with fields that no event has yet."""
    message = every_kind()
    schema = data_schema(
        EventMessage(proto_of(message), None, "All.", ("",) * len(message.DESCRIPTOR.fields))
    )
    schema["components"] = {"schemas": {"Color": enum_schema(EventEnum("Color", "All.", ()))}}
    content = json_format.MessageToDict(message)

    assert content.keys() == schema["properties"].keys()
    assert list(Draft7Validator(schema, format_checker=FORMATS).iter_errors(content)) == []
    for name, value in content.items():
        wrong: object = [] if isinstance(value, dict) else {}
        assert list(Draft7Validator(schema).iter_errors(content | {name: wrong})), name


def every_kind() -> Message:
    """Return a message with a field of every kind, each with a value."""
    scalars = {
        "text": Field.TYPE_STRING, "flag": Field.TYPE_BOOL, "small_number": Field.TYPE_INT32,
        "count": Field.TYPE_UINT32, "big_number": Field.TYPE_INT64, "big_count": Field.TYPE_UINT64,
        "content": Field.TYPE_BYTES,
    }  # fmt: skip
    file = FileDescriptorProto(name="every_kind.proto", package="planted", syntax="proto3")
    file.dependency.append(TIMESTAMP.name)
    file.enum_type.add(name="Color").value.add(name="COLOR_UNSPECIFIED", number=0)
    file.enum_type[0].value.add(name="COLOR_RED", number=1)
    one = file.message_type.add(name="EveryKind")
    for name, kind in scalars.items():
        add_field(one, name, kind)
    add_field(one, "color", Field.TYPE_ENUM, ".planted.Color")
    add_field(one, "sent_time", Field.TYPE_MESSAGE, ".google.protobuf.Timestamp")
    add_field(one, "counts", Field.TYPE_INT64, repeated=True)
    entry = one.nested_type.add(name="TotalsEntry")
    entry.options.map_entry = True
    add_field(entry, "key", Field.TYPE_STRING)
    add_field(entry, "value", Field.TYPE_INT64)
    add_field(one, "totals", Field.TYPE_MESSAGE, ".planted.EveryKind.TotalsEntry", repeated=True)
    pool = DescriptorPool()
    pool.AddSerializedFile(TIMESTAMP.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    filled = {
        "text": "a", "flag": True, "smallNumber": -7, "count": 7, "bigNumber": -(2**60), "bigCount": 2**60,
        "content": "YQ==", "color": "COLOR_RED", "sentTime": "2026-03-01T12:30:45.678Z", "counts": [1],
        "totals": {"a": 2**60},
    }  # fmt: skip
    return json_format.ParseDict(filled, GetMessageClass(pool.FindMessageTypeByName("planted.EveryKind"))())


def add_field(
    message: DescriptorProto,
    name: str,
    kind: Field.Type.ValueType,
    type_name: str | None = None,
    *,
    repeated: bool = False,
) -> None:
    label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
    message.field.add(name=name, number=len(message.field) + 1, type=kind, type_name=type_name, label=label)


def proto_of(message: Message) -> DescriptorProto:
    """Return the descriptor as protoc writes it, with JSON names."""
    proto = DescriptorProto()
    message.DESCRIPTOR.CopyToProto(proto)
    for field in proto.field:
        field.json_name = message.DESCRIPTOR.fields_by_name[field.name].json_name
    return proto


def references(part: Any) -> Iterator[str]:
    """Yield the target of every reference in a part of the document."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def resolved(target: str) -> Any:
    """Return what a reference refers to; raise KeyError if that does not exist."""
    found = DOCUMENT
    for name in target.removeprefix("#/").split("/"):
        found = found[name]
    return found


def message_of(subject: str) -> Any:
    """Return the only message of a subject's channel."""
    [message] = DOCUMENT["channels"][subject]["messages"].values()
    return resolved(message["$ref"])


def errors(subject: str, content: dict[str, Any]) -> list[str]:
    """Return why an event is not valid as one of `subject`; fields without a schema count as errors, too."""
    schemas = deepcopy(DOCUMENT["components"]["schemas"])
    for schema in schemas.values():
        schema["additionalProperties"] = False
    payload = {**message_of(subject)["payload"], "components": {"schemas": schemas}}
    return [each.message for each in Draft7Validator(payload, format_checker=FORMATS).iter_errors(content)]
