"""deploy/terraform creates exactly the resources of `letterhead aws setup`, property by property."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cli.aws.desired import Kind, Resource, resources
from cli.aws.plan import canonical
from cli.aws.target import Cluster, Target
from tests.contract.sources import ROOT
from tests.contract.terraform import Json, Module

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
POD_IDENTITY = "arn:aws:eks:eu-west-1:210987654321:cluster/example"
PLACES = [
    ("aws", "210987654321", "eu-west-1"),
    ("aws-us-gov", "111111111111", "us-gov-west-1"),
    ("aws-cn", "222222222222", "cn-north-1"),
]
# What the caller wants, as fields of Target, and what the cluster is.
WANTED: list[tuple[Json, Json]] = [
    ({}, {}),
    ({"event_rule": True}, {"oidc_issuer": ISSUER}),
    ({"https_url": "https://letterhead.example.com/sns"}, {"pod_identity": POD_IDENTITY}),
    ({"installation": "mail", "configuration_set": "mail-set"},
     {"oidc_issuer": ISSUER, "pod_identity": POD_IDENTITY, "namespace": "mail"}),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[0])
@pytest.mark.parametrize(("wanted", "cluster"), WANTED)
def test_terraform_is_equal_to_the_plan(place: tuple[str, str, str], wanted: Json, cluster: Json) -> None:
    partition, account, region = place
    target = Target(partition=partition, account=account, region=region, cluster=Cluster(**cluster), **wanted)
    data = {
        "data.aws_partition.current.partition": partition,
        "data.aws_caller_identity.current.account_id": account,
        "data.aws_region.current.name": region,
    }

    module = Module(ROOT / "deploy/terraform", data, **wanted, **cluster)
    created = {
        (kind, parent, name): _comparable(properties, tags)
        for kind, parent, name, properties, tags in (
            _READ[each](_with_arns(arguments, target)) for each, arguments in module.resources()
        )
    }

    planned = {
        (each.kind, each.parent, each.name): _comparable(_wanted(each), each.tags)
        for each in resources(target)
    }
    assert created.keys() == planned.keys()
    for key, properties in planned.items():
        assert created[key] == properties, key


def _comparable(properties: Mapping[str, Any], tags: Mapping[str, str]) -> Any:
    return canonical(properties), dict(tags)


def _wanted(resource: Resource) -> Json:
    """Return the properties of the model that Terraform declares; it reads the state of a confirmation."""
    return {name: each for name, each in resource.properties.items() if name != "PendingConfirmation"}


def _with_arns(value: Any, target: Target) -> Any:
    """Replace references to resources by their ARNs."""
    arns = {
        f"aws_sqs_queue:{target.dead_letters}": target.dead_letters_arn,
        f"aws_sqs_queue:{target.feedback}": target.queue_arn,
        f"aws_sns_topic:{target.feedback}": target.topic_arn,
    }
    if isinstance(value, dict):
        return {name: _with_arns(each, target) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_arns(each, target) for each in value]
    return arns.get(value, value) if isinstance(value, str) else value


Read = tuple[Kind, str, str, Json, Json]


def _renamed(arguments: Json, names: Mapping[str, str]) -> Json:
    return {api: arguments[name] for name, api in names.items() if name in arguments}


def _queue(arguments: Json) -> Read:
    names = {
        "policy": "Policy",
        "redrive_policy": "RedrivePolicy",
        "message_retention_seconds": "MessageRetentionPeriod",
        "visibility_timeout_seconds": "VisibilityTimeout",
        "receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds",
    }
    return Kind.QUEUE, "", arguments["name"], _renamed(arguments, names), arguments["tags"]


def _topic(arguments: Json) -> Read:
    names = {"policy": "Policy", "signature_version": "SignatureVersion"}
    return Kind.TOPIC, "", arguments["name"], _renamed(arguments, names), arguments["tags"]


def _subscription(arguments: Json) -> Read:
    names = {"protocol": "Protocol", "delivery_policy": "DeliveryPolicy", "redrive_policy": "RedrivePolicy"}
    properties = _renamed(arguments, names)
    if "raw_message_delivery" in arguments:
        properties["RawMessageDelivery"] = str(arguments["raw_message_delivery"]).lower()
    return Kind.SUBSCRIPTION, _name(arguments["topic_arn"]), arguments["endpoint"], properties, {}


def _configuration_set(arguments: Json) -> Read:
    return Kind.CONFIGURATION_SET, "", arguments["configuration_set_name"], {}, arguments["tags"]


def _destination(arguments: Json) -> Read:
    [block] = arguments["event_destination"]
    properties = {"Enabled": block["enabled"], "MatchingEventTypes": block["matching_event_types"]}
    for each in block.get("sns_destination", []):
        properties["SnsDestination"] = {"TopicArn": each["topic_arn"]}
    for each in block.get("event_bridge_destination", []):
        properties["EventBridgeDestination"] = {"EventBusArn": each["event_bus_arn"]}
    parent = arguments["configuration_set_name"]
    return Kind.DESTINATION, parent, arguments["event_destination_name"], properties, {}


def _rule(arguments: Json) -> Read:
    names = {"event_pattern": "EventPattern", "state": "State"}
    return Kind.RULE, "", arguments["name"], _renamed(arguments, names), {}


def _rule_target(arguments: Json) -> Read:
    return Kind.RULE_TARGET, arguments["rule"], arguments["target_id"], {"Arn": arguments["arn"]}, {}


def _role(arguments: Json) -> Read:
    properties = {"AssumeRolePolicyDocument": arguments["assume_role_policy"]}
    return Kind.ROLE, "", arguments["name"], properties, arguments["tags"]


def _role_policy(arguments: Json) -> Read:
    properties = {"PolicyDocument": arguments["policy"]}
    return Kind.ROLE_POLICY, arguments["role"], arguments["name"], properties, {}


_READ: Mapping[str, Callable[[Json], Read]] = {
    "aws_sqs_queue": _queue,
    "aws_sns_topic": _topic,
    "aws_sns_topic_subscription": _subscription,
    "aws_sesv2_configuration_set": _configuration_set,
    "aws_sesv2_configuration_set_event_destination": _destination,
    "aws_cloudwatch_event_rule": _rule,
    "aws_cloudwatch_event_target": _rule_target,
    "aws_iam_role": _role,
    "aws_iam_role_policy": _role_policy,
}


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]
