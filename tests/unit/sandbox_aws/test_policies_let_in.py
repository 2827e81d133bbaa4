"""Whom a resource policy lets in."""

import json
from typing import Any

import pytest

from sandbox.aws.policies import allows

TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:feedback"
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
}


def lets_in(*statements: dict[str, Any]) -> bool:
    return allows(
        json.dumps({"Statement": list(statements)}),
        service="sns.amazonaws.com",
        action="sqs:SendMessage",
        resource=QUEUE,
        context={"aws:SourceArn": TOPIC},
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": ["ses.amazonaws.com", "sns.amazonaws.com"]}},
        {"Action": ["SQS:SendMessage", "sqs:ReceiveMessage"]},
        {"Action": "sqs:*"},
        {"Resource": "*"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:sns:*:123456789012:*"}}},
    ],
)
def test_a_policy_lets_the_topic_in(change: dict[str, Any]) -> None:
    assert lets_in(STATEMENT | change)


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": {"Service": "ses.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": "sqs:ReceiveMessage"},
        {"Resource": QUEUE + "-dead"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": TOPIC + "-other"}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
    ],
)
def test_a_policy_keeps_the_topic_out(change: dict[str, Any]) -> None:
    assert not lets_in(STATEMENT | change)


def test_a_denial_overrules() -> None:
    assert not lets_in(STATEMENT, STATEMENT | {"Effect": "Deny"})


def test_no_policy_lets_nobody_in() -> None:
    assert not allows(None, service="a", action="b", resource="c", context={})
