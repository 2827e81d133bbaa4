"""Compares the resources that should exist with those that do. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cli.aws.desired import Properties, Resource
from cli.aws.target import TAG

ABSENT = None


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    NONE = "unchanged"


class ForeignResource(Exception):
    """A resource of our name belongs to another installation; the text says what to do."""

    def __init__(self, resource: Resource, owner: str) -> None:
        super().__init__(
            f"{resource} is tagged {TAG}={owner}, so it belongs to another installation. Set"
            " LETTERHEAD_INSTALLATION and LETTERHEAD_CONFIGURATION_SET to names of your own."
        )


@dataclass(frozen=True, kw_only=True)
class Present:
    """A resource as it is: its properties in the form of the model, and its tags."""

    properties: Properties
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """A property, by name, that is not as it should be; `present` is None if it is not set."""

    name: str
    present: Any
    desired: Any


@dataclass(frozen=True)
class Change:
    """A resource, what happens to it, and why."""

    resource: Resource
    action: Action
    differences: tuple[Difference, ...] = ()

    @property
    def properties(self) -> dict[str, Any]:
        """Return the properties to write: all of a new resource, otherwise those that differ."""
        return {each.name: each.desired for each in self.differences if each.name != "Tags"}

    @property
    def writes_tags(self) -> bool:
        """Return whether the tags must be written."""
        return any(each.name == "Tags" for each in self.differences)


@dataclass(frozen=True)
class Plan:
    """The changes of one target in order, and what exists beside our resources and is left alone."""

    changes: tuple[Change, ...]
    foreign: tuple[str, ...]

    @property
    def pending(self) -> tuple[Change, ...]:
        """Return the changes that are not made yet."""
        return tuple(each for each in self.changes if each.action is not Action.NONE)

    def count(self, action: Action) -> int:
        """Return how many resources have this action."""
        return sum(1 for each in self.changes if each.action is action)


def compare(resource: Resource, present: Present | None) -> Change:
    """Return what must happen to a resource; raise ForeignResource if another installation owns it."""
    if present is None:
        return Change(resource, Action.CREATE, tuple(_missing(resource)))
    owner = present.tags.get(TAG)
    if resource.tags and owner not in (None, resource.tags[TAG]):
        raise ForeignResource(resource, str(owner))
    differences = tuple(_differences(resource, present))
    return Change(resource, Action.UPDATE if differences else Action.NONE, differences)


def _missing(resource: Resource) -> Iterator[Difference]:
    yield from (Difference(name, ABSENT, value) for name, value in resource.properties.items())
    if resource.tags:
        yield Difference("Tags", ABSENT, dict(resource.tags))


def _differences(resource: Resource, present: Present) -> Iterator[Difference]:
    for name, desired in resource.properties.items():
        found = present.properties.get(name)
        if canonical(found) != canonical(desired):
            yield Difference(name, found, desired)
    own = {key: present.tags[key] for key in resource.tags if key in present.tags}
    if own != resource.tags:
        yield Difference("Tags", own or ABSENT, dict(resource.tags))


def canonical(value: Any) -> Any:
    """Return a value in the form in which equal policies are equal.

    AWS ignores the order of lists, and takes a single value for a list of one and a number for its text.
    """
    if isinstance(value, Mapping):
        return {key: canonical(each) for key, each in value.items()}
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [_text(value)]
    return sorted(
        (canonical(each) if isinstance(each, Mapping) else _text(each) for each in value), key=_order
    )


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
