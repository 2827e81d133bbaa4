"""SES's configuration sets and their event destinations."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.errors import AwsError, bad_request, not_found
from sandbox.aws.event_bus import EventBus
from sandbox.aws.pages import page
from sandbox.aws.service import Call, Params
from sandbox.aws.topics import Topics

SET_LIMIT = 10_000  # configuration sets per region
DESTINATION_LIMIT = 10  # event destinations per configuration set
EVENT_TYPES = frozenset(
    {
        "SEND",
        "REJECT",
        "BOUNCE",
        "COMPLAINT",
        "DELIVERY",
        "OPEN",
        "CLICK",
        "RENDERING_FAILURE",
        "DELIVERY_DELAY",
        "SUBSCRIPTION",
    }
)
_OPTIONS = ("TrackingOptions", "DeliveryOptions", "ReputationOptions", "SuppressionOptions", "VdmOptions")
_WELCOME = "Successfully validated SNS topic for Amazon SES event publishing."


@dataclass
class ConfigurationSet:
    """One configuration set: its options in SES's format, and its destinations by name."""

    name: str
    options: dict[str, Any]
    tags: dict[str, str]
    sending_enabled: bool = True
    destinations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def arns_for(self, event_type: str) -> Iterator[str]:
        """Yield the topics and the bus that match this MatchingEventTypes value; all for an unknown one."""
        for destination in self.destinations.values():
            wanted = event_type not in EVENT_TYPES or event_type in destination["MatchingEventTypes"]
            if destination["Enabled"] and wanted:
                yield _arn(destination)

    def suppressed_reasons(self) -> list[str] | None:
        """Return the reasons for which this set suppresses addresses; None: the account's apply."""
        reasons: list[str] | None = self.options.get("SuppressionOptions", {}).get("SuppressedReasons")
        return reasons


class ConfigurationSets:
    """The configuration sets, and the handlers of their operations."""

    def __init__(self, topics: Topics, event_bus: EventBus) -> None:
        self._topics = topics
        self._event_bus = event_bus
        self._sets: dict[str, ConfigurationSet] = {}

    def find(self, name: str) -> ConfigurationSet | None:
        """Return the set of this name, or None."""
        return self._sets.get(name)

    def arn(self, name: str) -> str:
        """Return the ARN of the set of this name."""
        return f"arn:aws:ses:{self._topics.region}:{self._topics.account}:configuration-set/{name}"

    def get(self, name: str) -> ConfigurationSet:
        """Return the set of this name; raise Refusal if there is none."""
        found = self._sets.get(name)
        if found is None:
            raise not_found("Configuration set", name)
        return found

    async def create_configuration_set(self, call: Call) -> Params:
        name = call["ConfigurationSetName"]
        if name in self._sets:
            raise AwsError("AlreadyExistsException", f"Configuration set <{name}> already exists.")
        if len(self._sets) >= SET_LIMIT:
            raise AwsError("LimitExceededException", f"You may have {SET_LIMIT} configuration sets.")
        options = {option: call[option] for option in _OPTIONS if call.get(option) is not None}
        tags = {tag["Key"]: tag["Value"] for tag in call.get("Tags", [])}
        enabled = call.get("SendingOptions", {}).get("SendingEnabled", True)
        self._sets[name] = ConfigurationSet(name, options, tags, enabled)
        return {}

    async def get_configuration_set(self, call: Call) -> Params:
        found = self.get(call["ConfigurationSetName"])
        return {
            "ConfigurationSetName": found.name,
            "SendingOptions": {"SendingEnabled": found.sending_enabled},
            "Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()],
            **found.options,
        }

    async def list_configuration_sets(self, call: Call) -> Params:
        names, next_token = page(sorted(self._sets), call.get("PageSize"), call.get("NextToken"))
        return {"ConfigurationSets": list(names)} | next_token

    async def delete_configuration_set(self, call: Call) -> Params:
        del self._sets[self.get(call["ConfigurationSetName"]).name]
        return {}

    async def put_configuration_set_sending_options(self, call: Call) -> Params:
        self.get(call["ConfigurationSetName"]).sending_enabled = call.get("SendingEnabled", False)
        return {}

    async def put_configuration_set_suppression_options(self, call: Call) -> Params:
        found = self.get(call["ConfigurationSetName"])
        found.options["SuppressionOptions"] = {"SuppressedReasons": call.get("SuppressedReasons", [])}
        return {}

    async def create_configuration_set_event_destination(self, call: Call) -> Params:
        found, name = self.get(call["ConfigurationSetName"]), call["EventDestinationName"]
        if name in found.destinations:
            raise AwsError("AlreadyExistsException", f"Event destination <{name}> already exists.")
        if len(found.destinations) >= DESTINATION_LIMIT:
            raise AwsError(
                "LimitExceededException", f"A configuration set may have {DESTINATION_LIMIT} destinations."
            )
        await self._put_destination(found, name, call["EventDestination"])
        return {}

    async def get_configuration_set_event_destinations(self, call: Call) -> Params:
        found = self.get(call["ConfigurationSetName"])
        return {
            "EventDestinations": [{"Name": name, **wanted} for name, wanted in found.destinations.items()]
        }

    async def update_configuration_set_event_destination(self, call: Call) -> Params:
        found = self._with_destination(call)
        await self._put_destination(found, call["EventDestinationName"], call["EventDestination"])
        return {}

    async def delete_configuration_set_event_destination(self, call: Call) -> Params:
        del self._with_destination(call).destinations[call["EventDestinationName"]]
        return {}

    def _with_destination(self, call: Call) -> ConfigurationSet:
        found = self.get(call["ConfigurationSetName"])
        if call["EventDestinationName"] not in found.destinations:
            raise not_found("Event destination", call["EventDestinationName"])
        return found

    async def _put_destination(self, found: ConfigurationSet, name: str, wanted: dict[str, Any]) -> None:
        """Store a destination and, as the real SES does, publish a plain-text greeting to its topic."""
        arn = _arn(wanted)
        if not arn or not wanted.get("MatchingEventTypes"):
            raise bad_request(
                "The sandbox's SES publishes to SNS and EventBridge only. "
                "Name MatchingEventTypes, and an SnsDestination or an EventBridgeDestination."
            )
        if "EventBridgeDestination" in wanted:
            if arn != self._event_bus.arn:
                raise bad_request("Only the default event bus is supported.")
            found.destinations[name] = {"Enabled": False} | wanted
            return
        topic = self._topics.find(arn)
        if topic is None or not topic.lets_in(self.arn(found.name), self._topics.account):
            raise bad_request(f"Could not publish to SNS topic <{arn}>.")
        found.destinations[name] = {"Enabled": False} | wanted
        await self._topics.publish(arn, _WELCOME, subject=None)


def _arn(destination: dict[str, Any]) -> str:
    """Return the ARN of a destination's topic or event bus; empty for a destination of another kind."""
    topic = destination.get("SnsDestination", {}).get("TopicArn", "")
    return str(topic or destination.get("EventBridgeDestination", {}).get("EventBusArn", ""))
