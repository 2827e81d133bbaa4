"""Whom a resource policy lets in."""

import json
from typing import Any

import pytest

from sandbox.aws.policies import Asking, allows, denies

TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:feedback"
BY_TOPIC = Asking(
    service="sns.amazonaws.com",
    action="sqs:SendMessage",
    resource=QUEUE,
    context={"aws:SourceArn": TOPIC, "aws:SecureTransport": "true"},
)
BY_HAND = Asking(
    account="123456789012",
    action="sqs:SendMessage",
    resource=QUEUE,
    context={"aws:SecureTransport": "false"},
)
DENIAL = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": QUEUE}
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
}


def lets_in(*statements: dict[str, Any]) -> bool:
    return allows(json.dumps({"Statement": list(statements)}), BY_TOPIC)


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
    assert not allows(None, BY_TOPIC)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": "sqs:*"},
        {"Condition": {"ArnNotEquals": {"aws:SourceArn": TOPIC}}},
        {"Condition": {"StringNotEquals": {"aws:SourceAccount": "123456789012"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
    ],
)
def test_a_policy_denies_callers_of_the_account_itself(change: dict[str, Any]) -> None:
    assert denies(json.dumps({"Statement": [DENIAL | change]}), BY_HAND)


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"},
        {"Principal": {"Service": "sns.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::666666666666:root"}},
        {"Action": "sqs:ReceiveMessage"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_a_denial_of_something_else_denies_nothing(change: dict[str, Any]) -> None:
    assert not denies(json.dumps({"Statement": [DENIAL | change]}), BY_HAND)


@pytest.mark.parametrize(
    ("condition", "let_in"),
    [
        ({"ArnNotEquals": {"aws:SourceArn": TOPIC}}, True),
        ({"ArnNotLike": {"aws:SourceArn": "arn:aws:sns:*:*:event?"}}, True),
        ({"ArnNotEquals": {"aws:SourceArn": TOPIC + "-other"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "123456789012"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"NumericLessThan": {"aws:EpochTime": "0"}}, False),
    ],
)
def test_a_denial_of_all_but_the_topic_lets_it_in(condition: dict[str, Any], *, let_in: bool) -> None:
    assert lets_in(STATEMENT, DENIAL | {"Condition": condition}) == let_in
