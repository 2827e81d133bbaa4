"""Evaluation of resource policies."""

import json
from typing import Any

import pytest

from sandbox.aws.policies import AccessRequest, allows, denies

TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:feedback"
BY_TOPIC = AccessRequest(
    service="sns.amazonaws.com",
    action="sqs:SendMessage",
    resource=QUEUE,
    context={"aws:SourceArn": TOPIC, "aws:SecureTransport": "true"},
)
BY_HAND = AccessRequest(
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


def allows_topic(*statements: dict[str, Any]) -> bool:
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
def test_a_policy_allows_the_topic(change: dict[str, Any]) -> None:
    assert allows_topic(STATEMENT | change)


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
def test_a_policy_does_not_allow_the_topic(change: dict[str, Any]) -> None:
    assert not allows_topic(STATEMENT | change)


def test_a_deny_overrides_an_allow() -> None:
    assert not allows_topic(STATEMENT, STATEMENT | {"Effect": "Deny"})


def test_without_a_policy_nothing_is_allowed() -> None:
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
def test_a_policy_can_deny_callers_of_its_own_account(change: dict[str, Any]) -> None:
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
def test_a_deny_that_does_not_match_has_no_effect(change: dict[str, Any]) -> None:
    assert not denies(json.dumps({"Statement": [DENIAL | change]}), BY_HAND)


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"ArnNotEquals": {"aws:SourceArn": TOPIC}}, True),
        ({"ArnNotLike": {"aws:SourceArn": "arn:aws:sns:*:*:event?"}}, True),
        ({"ArnNotEquals": {"aws:SourceArn": TOPIC + "-other"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "123456789012"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"NumericLessThan": {"aws:EpochTime": "0"}}, False),
    ],
)
def test_a_deny_of_all_except_the_topic_allows_it(condition: dict[str, Any], *, allowed: bool) -> None:
    assert allows_topic(STATEMENT, DENIAL | {"Condition": condition}) == allowed
