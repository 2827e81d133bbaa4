"""Reads and writes rules of EventBridge's default bus and their targets."""

import json
from collections.abc import Iterator

from cli.aws.api import Api
from cli.aws.desired import Resource
from cli.aws.errors import SetupError
from cli.aws.plan import Change, Present
from cli.exit_status import FAILED


class Rules:
    """The rules of the default bus."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, rule: Resource) -> Present | None:
        """Return a rule as it is, or None."""
        answer = self._api.find("events", "describe_rule", rule.arn, Name=rule.name)
        if answer is None:
            return None
        pattern = json.loads(answer.get("EventPattern") or "{}")
        return Present(properties={"EventPattern": pattern, "State": answer["State"]})

    def write(self, change: Change) -> None:
        """Create or replace a rule."""
        rule = change.resource
        self._api.call(
            "events", "put_rule", rule.arn, Name=rule.name, State=rule.properties["State"],
            EventPattern=json.dumps(rule.properties["EventPattern"]),
        )  # fmt: skip


class RuleTargets:
    """The targets of rules, by id."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, target: Resource) -> Present | None:
        """Return a target as it is, or None."""
        arn = self._arns(target.parent, target.arn).get(target.name)
        return None if arn is None else Present(properties={"Arn": arn})

    def write(self, change: Change) -> None:
        """Create or replace a target; raise SetupError if EventBridge rejects it."""
        target = change.resource
        entry = {"Id": target.name, "Arn": target.properties["Arn"]}
        answer = self._api.call("events", "put_targets", target.arn, Rule=target.parent, Targets=[entry])
        if answer["FailedEntryCount"]:
            raise SetupError(f"EventBridge rejected the {target}: {answer['FailedEntries']}", FAILED)

    def names(self, rule: Resource) -> Iterator[str]:
        """Yield the ids of a rule's targets."""
        yield from self._arns(rule.name, rule.arn)

    def _arns(self, rule: str, rule_arn: str) -> dict[str, str]:
        answer = self._api.find("events", "list_targets_by_rule", rule_arn, Rule=rule) or {}
        return {each["Id"]: each["Arn"] for each in answer.get("Targets", [])}
