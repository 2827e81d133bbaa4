"""Compares the messages of letterhead.events.v1 with their option `event`: no fact is only in a comment.

Each problem names the message. Tests can also run the check on descriptors with a mistake.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

from letterhead.events.v1.options_pb2 import EventOptions, event
from tests.contract.protos import elements

PACKAGE = "letterhead.events.v1"
SUBJECT = re.compile(r"[a-z]+\.[a-z_]+")
QUOTED = re.compile(rf"`({SUBJECT.pattern})`")


def problems(files: Iterable[FileDescriptorProto], owners: Iterable[str]) -> Iterator[str]:
    """Yield each mistake in the options of the events package; `owners` are the services with an outbox."""
    own = [file for file in files if file.package == PACKAGE]
    messages = [message for file in own for message in file.message_type]
    nested = _parts(own)
    options = {each.name: each.options.Extensions[event] for each in messages if _has_option(each)}
    for message in messages:
        if message.name not in options and message.name not in nested:
            yield f"{message.name} has no option (event), and is not a field of another message"
        if message.name in options and message.name in nested:
            yield f"{message.name} has the option (event), but is a field of another message"
    for name, option in options.items():
        yield from _of_option(name, option, frozenset(owners))
    subjects = Counter(each.subject for each in options.values())
    yield from (f"{subject} has {times} messages" for subject, times in subjects.items() if times > 1)
    yield from _comments(own, subjects.keys())


def _has_option(message: DescriptorProto) -> bool:
    return message.options.HasExtension(event)


def _parts(files: Iterable[FileDescriptorProto]) -> set[str]:
    """Return the names of the messages that are the type of a field or of an option."""
    fields = [
        field
        for file in files
        for field in (*file.extension, *(field for message in file.message_type for field in message.field))
    ]
    return {field.type_name.rpartition(".")[2] for field in fields}


def _of_option(name: str, option: EventOptions, owners: frozenset[str]) -> Iterator[str]:
    if not SUBJECT.fullmatch(option.subject):
        yield f"{name}: {option.subject!r} is not a subject"
    elif name != "".join(map(str.capitalize, re.split("[._]", option.subject))):
        yield f"{name} is not named after its subject {option.subject}"
    if option.owner not in owners:
        yield f"{name}: {option.owner!r} is not a service with an outbox"
    if option.tenant not in EventOptions.Tenant.values()[1:]:
        yield f"{name} does not say whether it has a tenant"


def _comments(files: Iterable[FileDescriptorProto], subjects: Iterable[str]) -> Iterator[str]:
    """Yield the comments that state a subject as a fact, or name one that no option has."""
    known = frozenset(subjects)
    for file in files:
        for each in elements(file):
            named = QUOTED.findall(each.comment)
            yield from (
                f"{each.name}: the comment names {subject}, which no message has as its subject"
                for subject in named
                if subject not in known
            )
            if named and each.comment.startswith(f"`{named[0]}`:"):
                yield f"{each.name}: the comment repeats the subject {named[0]}"
