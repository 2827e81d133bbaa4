"""What the roles may do, decided by the rules of IAM."""

import json

import pytest

from cli.aws.desired import Kind, resources
from cli.aws.policies import ROLES, role_policy, trust_policy
from cli.aws.target import Cluster, Target
from sandbox.aws.policies import AccessRequest, permits
from services import PROCESSES

ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"
POD_IDENTITY = "arn:aws:eks:us-east-1:123456789012:cluster/example"
TARGET = Target(partition="aws", account="123456789012", region="us-east-1")
IDENTITY = "arn:aws:ses:us-east-1:123456789012:identity/inbox.mnexa.ai"
OURS, ANOTHER = {"aws:ResourceTag/letterhead": "letterhead"}, {"aws:ResourceTag/letterhead": "another"}


def may(role: str, action: str, resource: str = IDENTITY, **context: str) -> bool:
    policy = json.dumps(role_policy(TARGET, role))
    return permits(policy, AccessRequest(action=action, resource=resource, context=context))


@pytest.mark.parametrize(
    "action",
    [
        "ses:DeleteEmailIdentity",
        "ses:PutEmailIdentityMailFromAttributes",
        "ses:PutEmailIdentityDkimSigningAttributes",
    ],
)
def test_identity_changes_only_identities_with_our_tag(action: str) -> None:
    assert may("identity", action, **OURS)
    assert not may("identity", action, **ANOTHER)
    assert not may("identity", action)


def test_identity_creates_only_identities_with_our_tag() -> None:
    tag = "aws:RequestTag/letterhead"

    assert may("identity", "ses:CreateEmailIdentity", **{tag: "letterhead"})
    assert not may("identity", "ses:CreateEmailIdentity", **{tag: "another"})
    assert not may("identity", "ses:CreateEmailIdentity")


def test_only_sender_may_send_and_only_identity_may_delete() -> None:
    senders = [role for role in ROLES if may(role, "ses:SendRawEmail")]
    deleters = [role for role in ROLES if may(role, "ses:DeleteEmailIdentity", **OURS)]

    assert (senders, deleters) == (["sender"], ["identity"])


def test_doctor_may_only_read() -> None:
    target = Target(partition="aws", account="123456789012", region="us-east-1", event_rule=True)
    actions = {
        each for statement in role_policy(target, "doctor")["Statement"] for each in statement["Action"]
    }

    verbs = {action.partition(":")[2] for action in actions}
    assert all(verb.startswith(("Get", "List", "Describe")) for verb in verbs)


def test_no_role_reaches_another_account_or_region() -> None:
    elsewhere = ["arn:aws:ses:eu-west-1:123456789012:identity/a.com", IDENTITY.replace("1234", "9999")]

    assert not [each for each in elsewhere if may("sender", "ses:SendEmail", each)]
    assert may("verifier", "ses:GetAccount", "*", **{"aws:RequestedRegion": "us-east-1"})
    assert not may("verifier", "ses:GetAccount", "*", **{"aws:RequestedRegion": "eu-west-1"})


def test_each_process_that_calls_aws_has_a_role() -> None:
    assert set(ROLES) == {each.name for each in PROCESSES if each.aws} | {"doctor"}


def test_only_the_service_account_of_a_process_can_assume_its_role() -> None:
    cluster = Cluster(namespace="mail", oidc_issuer=ISSUER, pod_identity=POD_IDENTITY)
    target = Target(partition="aws", account="123456789012", region="us-east-1", cluster=cluster)

    irsa, pod_identity = trust_policy(target, "sender")["Statement"]

    assert irsa["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"}
    assert irsa["Condition"] == {"StringEquals": {
        f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "system:serviceaccount:mail:sender",
    }}  # fmt: skip
    assert pod_identity["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert pod_identity["Condition"]["ArnEquals"] == {"aws:SourceArn": POD_IDENTITY}
    assert pod_identity["Condition"]["StringEquals"] == {
        "aws:SourceAccount": "123456789012",
        "aws:RequestTag/kubernetes-namespace": "mail",
        "aws:RequestTag/kubernetes-service-account": "sender",
    }


def test_without_a_cluster_there_are_no_roles() -> None:
    assert not {Kind.ROLE, Kind.ROLE_POLICY} & {each.kind for each in resources(TARGET)}


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_every_arn_is_of_the_target(partition: str) -> None:
    """Another account, region and partition must leave nothing of the first in any property."""
    cluster = Cluster(oidc_issuer="issuer/x", pod_identity=f"arn:{partition}:eks:r-1:111111111111:cluster/a")
    target = Target(
        partition=partition, account="111111111111", region="r-1", event_rule=True, cluster=cluster
    )

    text = json.dumps([[each.arn, each.properties] for each in resources(target)])

    assert {arn.split(":")[0] for arn in text.split("arn:")[1:]} == {partition}
    assert "123456789012" not in text
    assert "us-east-1" not in text
