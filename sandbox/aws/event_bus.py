"""EventBridge's default event bus: its rules and their SQS targets, and the events that SES puts on it.

The envelope is that of AWS's page "Monitoring SES events using Amazon EventBridge". Only SES puts events on
the bus. As in AWS, a queue receives only what its policy lets the rule send.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from chassis.telemetry import get_logger
from sandbox.aws.config import AwsConfig
from sandbox.aws.errors import AwsError
from sandbox.aws.queues import QueuedMessage
from sandbox.aws.service import Call, Params
from sandbox.aws.sqs import Queues
from sandbox.clock import Clock

DETAIL_TYPES = {
    "Send": "Email Sent",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "Reject": "Email Rejected",
    "Open": "Email Opened",
    "Click": "Email Clicked",
    "DeliveryDelay": "Email Delivery Delayed",
    "Rendering Failure": "Email Rendering Failed",
    "Subscription": "Email Subscribed",
}
TARGET_LIMIT = 5  # targets per rule
_DEFAULT = "default"
_log = get_logger(__name__)


@dataclass(slots=True)
class Rule:
    """A rule of the bus: the events that it selects, and the ARNs of its target queues by target id."""

    name: str
    arn: str
    pattern: str
    enabled: bool
    targets: dict[str, str] = field(default_factory=dict)

    def selects(self, event: dict[str, Any]) -> bool:
        """Return whether the rule sends an event to its targets."""
        return self.enabled and matches(json.loads(self.pattern), event)


class EventBus:
    """The default event bus, and the handlers of the operations on its rules."""

    def __init__(self, config: AwsConfig, queues: Queues, clock: Clock) -> None:
        self._account, self._region = config.account, config.region
        self._queues = queues
        self._clock = clock
        self._prefix = f"arn:aws:events:{config.region}:{config.account}"
        self._rules: dict[str, Rule] = {}

    @property
    def arn(self) -> str:
        """Return the ARN of the default bus, the only one that SES publishes to."""
        return f"{self._prefix}:event-bus/{_DEFAULT}"

    def publish(self, event_type: str, resource: str, detail: dict[str, Any]) -> None:
        """Send one of SES's events about an email to the targets of the rules that select it."""
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": DETAIL_TYPES.get(event_type, event_type),
            "source": "aws.ses",
            "account": self._account,
            "time": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [resource],
            "detail": detail,
        }
        for rule in self._rules.values():
            if rule.selects(event):
                self._send(rule, json.dumps(event))

    def _send(self, rule: Rule, body: str) -> None:
        for target in rule.targets.values():
            queue = self._queues.find(target)
            if queue and queue.lets_in("events.amazonaws.com", rule.arn):
                queue.put(QueuedMessage(body))
            else:
                _log.warning(
                    "event dropped: the queue does not exist or its policy does not allow the rule",
                    action="event_bridge_queue_refused",
                    queue=target,
                    rule=rule.arn,
                )

    async def put_rule(self, call: Call) -> Params:
        name = call["Name"]
        _check_bus(call)
        if not call.get("EventPattern"):
            raise AwsError("ValidationException", "The sandbox's rules need an EventPattern.")
        _check_pattern(call["EventPattern"])
        rule = self._rules.setdefault(name, Rule(name, f"{self._prefix}:rule/{name}", "{}", enabled=True))
        rule.pattern = call["EventPattern"]
        rule.enabled = call.get("State", "ENABLED") == "ENABLED"
        return {"RuleArn": rule.arn}

    async def describe_rule(self, call: Call) -> Params:
        rule = self._rule(call, call["Name"])
        return {
            "Name": rule.name,
            "Arn": rule.arn,
            "EventPattern": rule.pattern,
            "State": "ENABLED" if rule.enabled else "DISABLED",
            "EventBusName": _DEFAULT,
        }

    async def delete_rule(self, call: Call) -> Params:
        if self._rule(call, call["Name"]).targets:
            raise AwsError("ValidationException", "Rule can't be deleted since it has targets.")
        del self._rules[call["Name"]]
        return {}

    async def put_targets(self, call: Call) -> Params:
        rule = self._rule(call, call["Rule"])
        targets = rule.targets | {each["Id"]: each["Arn"] for each in call["Targets"]}
        if len(targets) > TARGET_LIMIT:
            raise AwsError("LimitExceededException", f"A rule may have {TARGET_LIMIT} targets.")
        rule.targets = targets
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def list_targets_by_rule(self, call: Call) -> Params:
        rule = self._rule(call, call["Rule"])
        targets = [{"Id": name, "Arn": arn} for name, arn in rule.targets.items()]
        return {"Targets": targets} if targets else {}

    async def remove_targets(self, call: Call) -> Params:
        rule = self._rule(call, call["Rule"])
        for name in call["Ids"]:
            rule.targets.pop(name, None)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _rule(self, call: Call, name: str) -> Rule:
        _check_bus(call)
        if name not in self._rules:
            raise AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default.")
        return self._rules[name]


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Return whether an event has one of the listed values at each key of a pattern.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
    """
    for key, wanted in pattern.items():
        value = event.get(key)
        if isinstance(wanted, dict):
            if not (isinstance(value, dict) and matches(wanted, value)):
                return False
        elif not any(each in wanted for each in (value if isinstance(value, list) else [value])):
            return False
    return True


def _check_pattern(text: str) -> None:
    """Raise InvalidEventPatternException for a pattern with anything but lists of strings."""
    try:
        pattern = json.loads(text)
    except ValueError:
        pattern = None
    if not (isinstance(pattern, dict) and pattern and _is_supported(pattern)):
        raise AwsError(
            "InvalidEventPatternException", "Event pattern is not valid: the sandbox compares strings only."
        )


def _is_supported(pattern: dict[str, Any]) -> bool:
    return all(
        _is_supported(each)
        if isinstance(each, dict)
        else isinstance(each, list) and all(isinstance(value, str) for value in each)
        for each in pattern.values()
    )


def _check_bus(call: Call) -> None:
    if call.get("EventBusName", _DEFAULT).rpartition("/")[2] != _DEFAULT:
        raise AwsError("ResourceNotFoundException", f"Event bus {call['EventBusName']} does not exist.")
