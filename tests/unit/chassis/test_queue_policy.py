"""Which policies prove that a message in a queue is of the topic or of the EventBridge rule."""

import json
from typing import Any

import pytest

from chassis.queue_policy import fault_of

QUEUE = "arn:aws:sqs:us-east-1:123456789012:letterhead-feedback"
TOPIC = "arn:aws:sns:us-east-1:123456789012:letterhead-feedback"
RULE = "arn:aws:events:us-east-1:123456789012:rule/letterhead-feedback"
OTHER_RULE = "arn:aws:events:us-east-1:123456789012:rule/other"

ALLOW = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
}
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"ArnNotEquals": {"aws:SourceArn": [TOPIC, RULE]}},
}
OWNER = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "SQS:*",
    "Resource": QUEUE,
}


def fault(*statements: dict[str, Any]) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return fault_of(policy, QUEUE, rule_arn=RULE, others=(TOPIC,))


@pytest.mark.parametrize(
    "statements",
    [
        (ALLOW, DENY),
        (OWNER, ALLOW, DENY),
        ({**ALLOW, "Action": ["sqs:*"]}, {**DENY, "Action": "*", "Resource": "*"}),
        (ALLOW, {**DENY, "Condition": {"StringNotEquals": {"AWS:SourceArn": RULE}}}),
        ({**ALLOW, "Condition": {"ArnLike": {"aws:SourceArn": RULE.replace("letterhead", "*")}}}, DENY),
    ],
    ids=range(5),
)
def test_a_policy_that_denies_everyone_else_proves_the_rule(statements: tuple[dict[str, Any], ...]) -> None:
    assert not fault(*statements)


@pytest.mark.parametrize(
    "allow",
    [
        DENY,
        {**ALLOW, "Effect": "Deny"},
        {**ALLOW, "Action": "sqs:ReceiveMessage"},
        {**ALLOW, "Resource": f"{QUEUE}-other"},
        {**ALLOW, "Principal": {"Service": "sns.amazonaws.com"}},
        {**ALLOW, "Condition": {"ArnEquals": {"aws:SourceArn": OTHER_RULE}}},
    ],
    ids=range(6),
)
def test_a_policy_that_does_not_allow_the_rule_is_at_fault(allow: dict[str, Any]) -> None:
    assert fault(allow, DENY) == f"no statement allows events.amazonaws.com to send for {RULE}"


@pytest.mark.parametrize(
    "deny",
    [
        ALLOW,
        OWNER,
        {**DENY, "Effect": "Allow"},
        {**DENY, "Principal": {"AWS": "arn:aws:iam::123456789012:user/eve"}},
        {**DENY, "Principal": {"Service": "events.amazonaws.com"}},
        {**DENY, "Principal": {"AWS": "*"}},
        {**DENY, "Action": "sqs:ReceiveMessage"},
        {**DENY, "Resource": f"{QUEUE}-other"},
        {**DENY, "Condition": {}},
        {**DENY, "Condition": {"ArnEquals": {"aws:SourceArn": RULE}}},
        {**DENY, "Condition": {"ArnNotEquals": {"aws:SourceArn": TOPIC}}},
        {**DENY, "Condition": {"ArnNotEquals": {"aws:SourceArn": [RULE, OTHER_RULE]}}},
        {**DENY, "Condition": {"ArnNotLike": {"aws:SourceArn": "arn:aws:events:*"}}},
        {
            **DENY,
            "Condition": {"ArnNotEquals": {"aws:SourceArn": RULE}, "Bool": {"aws:SecureTransport": "false"}},
        },
        {**DENY, "Condition": {"ArnNotEqualsIfExists": {"aws:SourceArn": RULE}}},
        {**DENY, "NotAction": "sqs:SendMessage", "Action": []},
    ],
    ids=range(16),
)
def test_a_policy_that_does_not_deny_everyone_else_is_at_fault(deny: dict[str, Any]) -> None:
    assert fault(ALLOW, deny) == f"no statement denies sending to everyone whose aws:SourceArn is not {RULE}"


@pytest.mark.parametrize(
    "policy", ["", "{", "[]", "null", '{"Statement": 1}', '{"Statement": [[]]}', "[" * 9_999]
)
def test_a_missing_or_malformed_policy_is_at_fault(policy: str) -> None:
    assert fault_of(policy, QUEUE, rule_arn=RULE, others=(TOPIC,)).startswith("no statement allows")


@pytest.mark.parametrize("condition", [1, {"ArnNotEquals": 1}, {"ArnNotEquals": {"aws:SourceArn": None}}])
def test_a_malformed_condition_is_at_fault(condition: Any) -> None:
    assert fault(ALLOW, {**DENY, "Condition": condition})
