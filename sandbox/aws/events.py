"""SES's event publishing to the topics and the event bus of an email's configuration set.

Faults drop, duplicate, delay or reorder events, as the real SNS and EventBridge sometimes do.
"""

import asyncio
import json
import random
import re
from collections import OrderedDict
from typing import Any

from sandbox.aws.background import Background
from sandbox.aws.config import AwsConfig
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.emails import Email
from sandbox.aws.event_bus import EventBus
from sandbox.aws.faults import Fault, Faults
from sandbox.aws.reports import Block, mail
from sandbox.aws.topics import Topics

SUBJECT = "Amazon SES Email Event Notification"
_MAX_EMAILS = 50_000  # emails remembered for events that tests inject later
_SHUFFLE = 1000  # milliseconds; the default window within which events are reordered
_BLOCKS = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}


class Events:
    """Publishes events, and remembers emails for events that tests inject."""

    def __init__(
        self,
        config: AwsConfig,
        configuration_sets: ConfigurationSets,
        *,
        topics: Topics,
        event_bus: EventBus,
        faults: Faults,
        background: Background,
    ) -> None:
        self._config = config
        self._configuration_sets = configuration_sets
        self._topics = topics
        self._event_bus = event_bus
        self._faults = faults
        self._background = background
        self._emails: OrderedDict[str, Email] = OrderedDict()

    def remember(self, email: Email) -> None:
        """Store an accepted email for `find`; evict the oldest above the limit."""
        self._emails[email.message_id] = email
        if len(self._emails) > _MAX_EMAILS:
            self._emails.popitem(last=False)

    def find(self, message_id: str) -> Email | None:
        """Return the accepted email with that SES message id, or None."""
        return self._emails.get(message_id)

    async def publish(self, email: Email, event_type: str, block: Block) -> None:
        """Publish an event to the destinations of its configuration set; `event_type` is spelled as in it."""
        found = self._configuration_sets.find(email.configuration_set or "")
        if found is None:
            return
        event = {
            "eventType": event_type,
            "mail": mail(email, self._config.account, self._config.region),
            _BLOCKS.get(event_type, event_type.lower()): block,
        }
        for arn in list(found.arns_for(matching_type(event_type))):
            await self._publish_with_faults(arn, found.name, event)

    async def _publish_with_faults(self, arn: str, configuration_set: str, event: dict[str, Any]) -> None:
        faults = self._faults.draw(event["eventType"])
        if any(fault.kind == "drop" for fault in faults):
            return
        copies = 2 if any(fault.kind == "duplicate" for fault in faults) else 1
        for _ in range(copies):
            wait = sum(_wait(fault) for fault in faults)
            if wait:
                self._background.start(self._publish_later(wait, arn, configuration_set, event))
            else:
                await self._publish(arn, configuration_set, event)

    async def _publish_later(
        self, wait: float, arn: str, configuration_set: str, event: dict[str, Any]
    ) -> None:
        await asyncio.sleep(wait)
        await self._publish(arn, configuration_set, event)

    async def _publish(self, arn: str, configuration_set: str, event: dict[str, Any]) -> None:
        """Publish one event, unless the topic is gone or its policy keeps SES out: SES reports neither."""
        resource = self._configuration_sets.arn(configuration_set)
        if arn == self._event_bus.arn:
            self._event_bus.publish(event["eventType"], resource, event)
        elif (topic := self._topics.find(arn)) and topic.lets_in(resource, self._topics.account):
            await self._topics.publish(arn, json.dumps(event), subject=SUBJECT)


def matching_type(event_type: str) -> str:
    """Return the event type as spelled in MatchingEventTypes: DELIVERY_DELAY for DeliveryDelay."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|\s", "_", event_type).upper()


def _wait(fault: Fault) -> float:
    """Return the seconds for which the fault delays an event."""
    if fault.kind == "shuffle":
        return random.uniform(0, fault.milliseconds or _SHUFFLE) / 1000  # noqa: S311 - simulation, not security
    return fault.milliseconds / 1000 if fault.kind == "delay" else 0.0
