"""The policies of the topic, the queue and the roles, as IAM policy documents. Pure.

The actions are those that AWS authorizes, not always those that are called: SendEmail with raw content also
needs ses:SendRawEmail, CreateEmailIdentity with tags ses:TagResource. DeleteMessageBatch is DeleteMessage.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cli.aws.target import TAG, Target

Statement = dict[str, Any]
Document = dict[str, Any]

# Tokens that EKS issues for IRSA are for this audience in every partition.
AUDIENCE = "sts.amazonaws.com"
NOT_OVER_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def topic_policy(target: Target) -> Document:
    """Allow SES to publish the events of our configuration set, and deny everyone else explicitly.

    Without the denials, principals of our own account whose policies allow it could publish too.
    """
    set_arn, account = target.configuration_set_arn, target.account
    from_set = {"StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": set_arn}}
    return _resource_policy(
        "sns:Publish",
        target.topic_arn,
        allowed={"ses.amazonaws.com": from_set},
        denied={
            "NotOurConfigurationSet": {"ArnNotEquals": {"aws:SourceArn": set_arn}},
            "NotOurAccount": {"StringNotEquals": {"aws:SourceAccount": account}},
        },
    )


def queue_policy(target: Target) -> Document:
    """Allow our topic, and our rule if there is one, to send, and deny everyone else explicitly."""
    sources = {"sns.amazonaws.com": target.topic_arn}
    if target.event_rule:
        sources["events.amazonaws.com"] = target.rule_arn
    return _resource_policy(
        "sqs:SendMessage",
        target.queue_arn,
        allowed={service: {"ArnEquals": {"aws:SourceArn": arn}} for service, arn in sources.items()},
        denied={"NotOurSource": {"ArnNotEquals": {"aws:SourceArn": list(sources.values())}}},
    )


def role_policy(target: Target, process: str) -> Document:
    """Return what the role of a process may do in the target's region."""
    return _document(_ROLES[process](target))


def trust_policy(target: Target, process: str) -> Document:
    """Return who may assume the role of a process: its service account, in the cluster's namespace only."""
    return _document(_trusted(target, process))


def _identity(target: Target) -> Iterator[Statement]:
    yield _allow(
        "CreateIdentitiesWithOurTag",
        ["ses:CreateEmailIdentity"],
        [target.identities_arn, target.configuration_set_arn],
        _tagged("Request", target),
    )
    yield _allow("TagIdentities", ["ses:TagResource"], [target.identities_arn], _tagged("Request", target))
    yield _allow(
        "ChangeIdentitiesWithOurTag",
        [
            "ses:DeleteEmailIdentity",
            "ses:PutEmailIdentityDkimSigningAttributes",
            "ses:PutEmailIdentityMailFromAttributes",
        ],
        [target.identities_arn],
        _tagged("Resource", target),
    )
    yield _allow("ReadIdentities", ["ses:GetEmailIdentity"], [target.identities_arn])


def _verifier(target: Target) -> Iterator[Statement]:
    yield _allow("ReadIdentities", ["ses:GetEmailIdentity"], [target.identities_arn])
    # These two actions know no resource, so only the region can be restricted.
    in_region = {"StringEquals": {"aws:RequestedRegion": target.region}}
    yield _allow("ReadAccount", ["ses:GetAccount", "ses:ListEmailIdentities"], ["*"], in_region)


def _sender(target: Target) -> Iterator[Statement]:
    # Not limited by tag: AWS documents aws:ResourceTag for actions of SES v2, and ses:SendRawEmail is of v1.
    resources = [target.identities_arn, target.configuration_set_arn]
    yield _allow("SendEmail", ["ses:SendEmail", "ses:SendRawEmail"], resources)


def _webhooks(target: Target) -> Iterator[Statement]:
    actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    yield _allow("ReceiveEvents", actions, [target.queue_arn])
    if target.https_url:
        yield _allow("ConfirmSubscription", ["sns:ConfirmSubscription"], [target.topic_arn])


def _doctor(target: Target) -> Iterator[Statement]:
    """Read what the setup creates, and nothing else."""
    topic = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"]
    yield _allow("ReadTopic", [*topic, "sns:ListTagsForResource"], [target.topic_arn])
    queue = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
    yield _allow("ReadQueues", queue, [target.queue_arn, target.dead_letters_arn])
    configuration_set = ["ses:GetConfigurationSet", "ses:GetConfigurationSetEventDestinations"]
    yield _allow("ReadConfigurationSet", configuration_set, [target.configuration_set_arn])
    if target.event_rule:
        rule = ["events:DescribeRule", "events:ListTargetsByRule"]
        yield _allow("ReadRule", rule, [target.rule_arn])


# By service account; processes that are not here call no AWS service and have no role.
_ROLES: Mapping[str, Callable[[Target], Iterator[Statement]]] = {
    "identity": _identity,
    "verifier": _verifier,
    "sender": _sender,
    "webhooks": _webhooks,
    "doctor": _doctor,
}
ROLES = tuple(_ROLES)


def _trusted(target: Target, process: str) -> Iterator[Statement]:
    cluster = target.cluster
    if issuer := cluster.oidc_issuer:
        account = f"system:serviceaccount:{cluster.namespace}:{process}"
        yield {
            "Sid": "ServiceAccount",
            "Effect": "Allow",
            "Principal": {"Federated": target.oidc_provider_arn},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {"StringEquals": {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": account}},
        }
    if cluster.pod_identity:
        yield {
            "Sid": "PodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": target.account,
                    "aws:RequestTag/kubernetes-namespace": cluster.namespace,
                    "aws:RequestTag/kubernetes-service-account": process,
                },
                "ArnEquals": {"aws:SourceArn": cluster.pod_identity},
            },
        }


def _tagged(whose: str, target: Target) -> dict[str, Any]:
    """Return the condition that the request, or the resource, has the installation's tag."""
    return {"StringEquals": {f"aws:{whose}Tag/{TAG}": target.installation}}


def _allow(
    sid: str, actions: list[str], resources: list[str], condition: dict[str, Any] | None = None
) -> Statement:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def _resource_policy(
    action: str, resource: str, *, allowed: dict[str, dict[str, Any]], denied: dict[str, dict[str, Any]]
) -> Document:
    """Return a policy that allows AWS services one action under conditions, and denies it under others."""
    statements = [
        {"Sid": f"Allow{service.partition('.')[0].capitalize()}", "Effect": "Allow",
         "Principal": {"Service": service}, "Condition": condition}
        for service, condition in allowed.items()
    ] + [
        {"Sid": sid, "Effect": "Deny", "Principal": "*", "Condition": condition}
        for sid, condition in {**denied, "NotOverTls": NOT_OVER_TLS}.items()
    ]  # fmt: skip
    return _document(each | {"Action": action, "Resource": resource} for each in statements)


def _document(statements: Iterator[Statement]) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}
