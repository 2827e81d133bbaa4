"""The IAM actions that AWS authorizes for each call, by access key; tests compare policies with them.

Nothing is denied: the sandbox's credentials have all rights. Actions, resources and condition keys:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from sandbox.aws.config import AwsConfig
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.registry import Registry
from sandbox.aws.service import Call

_MAX_RECORDS = 100_000
# Where a created resource's tags are, and the action that AWS authorizes for them too.
_TAGGING = {
    "sesv2": ("Tags", "ses:TagResource"),
    "sns": ("Tags", "sns:TagResource"),
    "sqs": ("tags", "sqs:TagQueue"),
    "iam": ("Tags", "iam:TagRole"),
}


@dataclass(frozen=True, slots=True)
class Authorization:
    """One authorized action; `context` has the condition keys and their values."""

    access_key: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        return {
            "access_key": self.access_key,
            "action": self.action,
            "resource": self.resource,
            "context": dict(self.context),
        }


class Authorizations:
    """Each distinct authorization since the start or the last clear."""

    def __init__(self, config: AwsConfig, registry: Registry, configuration_sets: ConfigurationSets) -> None:
        self._config = config
        self._registry = registry
        self._configuration_sets = configuration_sets
        self._known: dict[Authorization, None] = {}

    def record(self, call: Call) -> None:
        """Record what AWS would authorize for a valid call, before it takes effect."""
        if call.signed and len(self._known) < _MAX_RECORDS:
            for action, resource in self._required(call):
                context = tuple(sorted(self._context(call, resource).items()))
                self._known[Authorization(call.access_key, action, resource, context)] = None

    def clear(self) -> None:
        """Delete all records."""
        self._known.clear()

    def to_json(self) -> list[dict[str, Any]]:
        """Return the records as the control API shows them."""
        return [each.to_json() for each in self._known]

    def _required(self, call: Call) -> Iterator[tuple[str, str]]:
        if call.service == "sts":
            return  # GetCallerIdentity needs no permission
        prefix = "ses" if call.service == "sesv2" else call.service
        action = f"{prefix}:{call.operation.removesuffix('Batch')}"  # IAM has no actions for batches
        resources = list(self._resources(call))
        actions = [action]
        if call.operation == "SendEmail" and "Raw" in call["Content"]:
            actions.append("ses:SendRawEmail")
        yield from ((each, resource) for each in actions for resource in resources)
        member, tagging = _TAGGING.get(call.service, ("", ""))
        if call.operation.startswith("Create") and call.get(member):
            yield tagging, resources[0]

    def _resources(self, call: Call) -> Iterator[str]:
        """Yield the ARNs that a call is about, the main one first; `*` if the action knows no resource."""
        find = {"sesv2": self._of_ses, "sns": self._of_sns, "sqs": self._of_sqs}
        by_name = {"events": ("rule/", ("Name", "Rule")), "iam": ("role/", ("RoleName",))}
        found: list[str]
        if call.service in find:
            found = list(find[call.service](call))
        else:
            path, members = by_name[call.service]
            names = [str(call[each]) for each in members if each in call.params]
            found = [self._arn(call.service, path + name) for name in names]
        yield from found or ["*"]

    def _of_ses(self, call: Call) -> Iterator[str]:
        if call.operation == "SendEmail":
            address = parseaddr(call.get("FromEmailAddress", ""))[1]
            lineage = self._registry.lineage(address)
            name = lineage[0].name if lineage else address.rpartition("@")[2]
            yield self._arn("ses", f"identity/{name}")
        if "EmailIdentity" in call.params:
            yield self._arn("ses", f"identity/{call['EmailIdentity']}")
        if "ConfigurationSetName" in call.params:
            yield self._arn("ses", f"configuration-set/{call['ConfigurationSetName']}")
        if "ResourceArn" in call.params:
            yield call["ResourceArn"]

    def _of_sns(self, call: Call) -> Iterator[str]:
        if "Name" in call.params:
            yield self._arn("sns", call["Name"])
        elif arn := call.get("TopicArn") or call.get("ResourceArn"):
            yield arn
        elif "SubscriptionArn" in call.params:
            yield call["SubscriptionArn"].rpartition(":")[0]

    def _of_sqs(self, call: Call) -> Iterator[str]:
        name = call.get("QueueName") or call.get("QueueUrl", "").rpartition("/")[2]
        if name:
            yield self._arn("sqs", name)

    def _context(self, call: Call, resource: str) -> dict[str, str]:
        member = _TAGGING.get(call.service, ("", ""))[0]
        tags = call.get(member) or {}
        new = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
        return {
            "aws:RequestedRegion": self._config.region,
            **{f"aws:RequestTag/{key}": value for key, value in new.items()},
            **{f"aws:ResourceTag/{key}": value for key, value in self._tags(resource).items()},
        }

    def _tags(self, resource: str) -> dict[str, str]:
        kind, _, name = resource.removeprefix(self._arn("ses", "")).partition("/")
        if kind == "identity":
            identity = self._registry.find(name)
            return identity.tags if identity else {}
        configuration_set = self._configuration_sets.find(name) if kind == "configuration-set" else None
        return configuration_set.tags if configuration_set else {}

    def _arn(self, service: str, resource: str) -> str:
        region = "" if service == "iam" else self._config.region
        return f"arn:aws:{service}:{region}:{self._config.account}:{resource}"
