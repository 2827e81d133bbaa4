"""The options of events match their messages and comments, and the code of the services."""

import ast
from collections.abc import Mapping
from importlib import import_module

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

from chassis.events.subjects import CONSUMED, MESSAGES, OWNERS, PUBLISHED, durable
from letterhead.events.v1.email_events_pb2 import EmailReference
from letterhead.events.v1.options_pb2 import EventOptions, event
from services import PROCESSES, schemas
from tests.contract import protos
from tests.contract.event_checks import PACKAGE, problems
from tests.contract.sources import files, parsed

SERVICES = schemas(PROCESSES)


def test_every_message_has_its_option_or_is_a_part_of_others() -> None:
    assert list(problems(protos.files(), SERVICES)) == []


def test_the_code_knows_every_event_of_the_contract() -> None:
    events = {
        message.options.Extensions[event].subject: f"{PACKAGE}.{message.name}"
        for file in protos.files()
        for message in file.message_type
        if message.options.HasExtension(event)
    }

    assert {subject: message.full_name for subject, message in MESSAGES.items()} == events


@pytest.mark.parametrize(
    ("comment", "options", "expected"),
    [
        (
            "The domain moved.",
            None,
            "DomainMoved has no option (event), and is not a field of another message",
        ),
        (
            "`domain.moved`: the domain moved.",
            None,
            "DomainMoved: the comment names domain.moved, which no message has as its subject",
        ),
        (
            "Follows `domain.gone`.",
            EventOptions(subject="domain.moved", owner="identity", tenant=EventOptions.TENANT_ALWAYS),
            "DomainMoved: the comment names domain.gone, which no message has as its subject",
        ),
        (
            "`domain.moved`: the domain moved.",
            EventOptions(subject="domain.moved", owner="identity", tenant=EventOptions.TENANT_ALWAYS),
            "DomainMoved: the comment repeats the subject domain.moved",
        ),
        (
            "The domain moved.",
            EventOptions(subject="domain.created", owner="identity", tenant=EventOptions.TENANT_ALWAYS),
            "domain.created has 2 messages",
        ),
        (
            "The domain moved.",
            EventOptions(subject="domain.went", owner="identity", tenant=EventOptions.TENANT_ALWAYS),
            "DomainMoved is not named after its subject domain.went",
        ),
        (
            "The domain moved.",
            EventOptions(subject="Domain", owner="identity", tenant=EventOptions.TENANT_ALWAYS),
            "DomainMoved: 'Domain' is not a subject",
        ),
        (
            "The domain moved.",
            EventOptions(subject="domain.moved", owner="console", tenant=EventOptions.TENANT_ALWAYS),
            "DomainMoved: 'console' is not a service with an outbox",
        ),
        (
            "The domain moved.",
            EventOptions(subject="domain.moved", owner="identity"),
            "DomainMoved does not say whether it has a tenant",
        ),
    ],
)
def test_a_mistake_in_a_message_is_named(comment: str, options: EventOptions | None, expected: str) -> None:
    planted = a_file("DomainMoved", comment, options)

    assert expected in list(problems([*protos.files(), planted], SERVICES))


def test_a_part_of_another_message_is_not_an_event() -> None:
    planted = a_file(
        "EmailReference",
        "An email.",
        EventOptions(subject="email.reference", owner="sender", tenant=EventOptions.TENANT_ALWAYS),
    )

    assert "EmailReference has the option (event), but is a field of another message" in list(
        problems([*protos.files(), planted], SERVICES)
    )


def a_file(name: str, comment: str, options: EventOptions | None) -> FileDescriptorProto:
    """Return a file of the events package with one message."""
    message = DescriptorProto(name=name)
    if options:
        message.options.Extensions[event].CopyFrom(options)
    file = FileDescriptorProto(name="planted.proto", package=PACKAGE, message_type=[message])
    file.source_code_info.location.add(path=[protos.MESSAGES, 0], leading_comments=comment)
    return file


@pytest.mark.parametrize("service", PUBLISHED)
def test_a_service_builds_exactly_the_events_it_owns(service: str) -> None:
    """Compare with the messages that its events name; sender's also name those that it consumes."""
    applied = {subject for subjects in CONSUMED.get(service, {}).values() for subject in subjects}
    messages = {message.name: subject for subject, message in MESSAGES.items()}
    named = {
        node.attr
        for file in files(f"services/{service}")
        if "events" in {file.stem, file.parent.name}
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Attribute)
    }

    assert {messages[name] for name in named & messages.keys()} - applied == set(PUBLISHED[service])


def test_services_consume_only_events_of_the_contract() -> None:
    consumed = {subject for names in CONSUMED.values() for subjects in names.values() for subject in subjects}

    assert consumed <= OWNERS.keys()


def test_services_start_exactly_the_listed_consumers() -> None:
    started = {service: names for service in PUBLISHED if (names := consumers_of(service))}

    assert {service: set(names) for service, names in started.items()} == {
        service: set(names) for service, names in CONSUMED.items()
    }
    for service, names in started.items():
        for name, subjects in names.items():
            assert set(subjects) == set(CONSUMED[service][name]), durable(service, name)


def consumers_of(service: str) -> dict[str, list[str]]:
    """Return the subjects of each consumer that a service's assemblies start, by the consumer's name."""
    found = {}
    for path in files(f"services/{service}/assemblies"):
        module = import_module(".".join(path.with_suffix("").parts))
        for call in ast.walk(parsed(path)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Consumer":
                name, subjects = (ast.unparse(each) for each in call.args[3:5])
                found[ast.literal_eval(name)] = list(eval(subjects, vars(module)))  # noqa: S307 - our own source
    return found


def without_reference(messages: Mapping[str, Descriptor]) -> list[str]:
    """Return the subjects of events about an email whose message has no `EmailReference email`."""
    about_email = {
        subject: message
        for subject, message in messages.items()
        if subject.startswith("email.") or subject.endswith(".received") or subject == "rendering.failed"
    }
    return [
        subject
        for subject, message in about_email.items()
        if "email" not in message.fields_by_name
        or message.fields_by_name["email"].message_type is not EmailReference.DESCRIPTOR
    ]


def test_every_event_about_an_email_has_its_reference() -> None:
    assert without_reference(MESSAGES) == []
    assert without_reference({"email.moved": MESSAGES["domain.created"]}) == ["email.moved"]
