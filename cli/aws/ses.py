"""Reads and writes configuration sets and their event destinations."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.aws.api import Api
from cli.aws.desired import Resource
from cli.aws.plan import Action, Change, Present


class ConfigurationSets:
    """The configuration sets of a region."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, found: Resource) -> Present | None:
        """Return a configuration set as it is, or None."""
        answer = self._api.find("sesv2", "get_configuration_set", found.arn, ConfigurationSetName=found.name)
        if answer is None:
            return None
        return Present(properties={}, tags={each["Key"]: each["Value"] for each in answer.get("Tags", [])})

    def write(self, change: Change) -> None:
        """Create a configuration set, or tag it."""
        arn, name = change.resource.arn, change.resource.name
        tags = [{"Key": key, "Value": value} for key, value in change.resource.tags.items()]
        if change.action is Action.CREATE:
            self._api.call("sesv2", "create_configuration_set", arn, ConfigurationSetName=name, Tags=tags)
        else:
            self._api.call("sesv2", "tag_resource", arn, ResourceArn=arn, Tags=tags)


class Destinations:
    """The event destinations of configuration sets, by name. Each set is read once, because SES is slow."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, Mapping[str, Any]] = {}

    def read(self, destination: Resource) -> Present | None:
        """Return a destination as it is, or None."""
        found = self._of(destination.parent, destination.arn).get(destination.name)
        return None if found is None else Present(properties=found)

    def write(self, change: Change) -> None:
        """Create or replace a destination; SES then publishes a test message to a topic."""
        destination = change.resource
        verb = "create" if change.action is Action.CREATE else "update"
        self._api.call(
            "sesv2",
            f"{verb}_configuration_set_event_destination",
            destination.arn,
            ConfigurationSetName=destination.parent,
            EventDestinationName=destination.name,
            EventDestination=dict(destination.properties),
        )

    def names(self, configuration_set: Resource) -> Iterator[str]:
        """Yield the names of a set's destinations."""
        yield from self._of(configuration_set.name, configuration_set.arn)

    def _of(self, name: str, arn: str) -> Mapping[str, Any]:
        if name not in self._known:
            operation = "get_configuration_set_event_destinations"
            answer = self._api.find("sesv2", operation, arn, ConfigurationSetName=name) or {}
            self._known[name] = {each["Name"]: each for each in answer.get("EventDestinations", [])}
        return self._known[name]
