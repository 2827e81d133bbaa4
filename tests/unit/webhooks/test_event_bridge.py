"""Events in EventBridge's form: which are accepted, and which are rejected."""

import json
from typing import Any

import pytest

from chassis.config import ConfigError
from chassis.regions import AwsRegion
from services.webhooks.config import Feedback
from services.webhooks.intake.queue import rule
from services.webhooks.model.event_bridge import EventRule, is_event, unwrap_event
from services.webhooks.model.rejections import Forged
from services.webhooks.model.sns import MAX_BODY
from tests.unit.webhooks.ses_events import SentEmail, envelope, in_event_bridge

ARN = "arn:aws:events:us-east-1:123456789012:rule/letterhead-feedback"
RULE = EventRule.of(ARN)
EVENT = SentEmail().bounce()


def body(**changes: Any) -> str:
    return json.dumps(in_event_bridge(EVENT) | changes)


def test_an_event_of_the_rules_account_and_region_is_unwrapped() -> None:
    message = in_event_bridge(EVENT)

    arrival = unwrap_event(json.dumps(message), RULE)

    assert (arrival.sns_id, arrival.topic_arn) == (f"eventbridge:{message['id']}", ARN)
    assert json.loads(arrival.body) == EVENT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source": "com.example"}, "foreign_source"),
        ({"source": ["aws.ses"]}, "foreign_source"),
        ({"source": None}, "foreign_source"),
        ({"account": "666666666666"}, "foreign_account"),
        ({"account": 123456789012}, "foreign_account"),
        ({"account": None}, "foreign_account"),
        ({"region": "eu-west-1"}, "foreign_region"),
        ({"region": ""}, "foreign_region"),
        ({"id": None}, "malformed"),
        ({"id": ""}, "malformed"),
        ({"id": "x" * 100}, "malformed"),
        ({"id": "4f\n"}, "malformed"),
        ({"detail": json.dumps(EVENT)}, "malformed"),
        ({"detail": [EVENT]}, "malformed"),
        ({"detail": None}, "malformed"),
        ({"detail": {"mail": "x" * MAX_BODY}}, "too_large"),
    ],
    ids=range(16),
)
def test_other_events_are_rejected(changes: dict[str, Any], reason: str) -> None:
    text = body(**changes)
    assert is_event(text)

    with pytest.raises(Forged) as refused:
        unwrap_event(text, RULE)

    assert refused.value.reason == reason


def test_characters_that_postgres_rejects_are_replaced() -> None:
    arrival = unwrap_event(body(detail={"subject": "a\ud800b"}), RULE)

    assert arrival.body == '{"subject": "a?b"}'


@pytest.mark.parametrize(
    "text",
    [
        envelope(EVENT, "arn:aws:sns:us-east-1:123456789012:letterhead-feedback"),
        json.dumps(EVENT),
        json.dumps({"TopicArn": "arn:aws:sns:us-east-1:123456789012:x", "detail-type": "Email Bounced"}),
        json.dumps({"mail": {"detail-type": "Email Bounced"}}),
        '"detail-type"',
        '{"detail-type": ',
        '["detail-type"]',
        "",
    ],
    ids=range(8),
)
def test_other_forms_are_not_taken_for_it(text: str) -> None:
    assert not is_event(text)


@pytest.mark.parametrize("arn", [ARN, f"{ARN}/on-a-bus", ARN.replace("arn:aws:", "arn:aws-us-gov:")])
def test_a_rule_is_of_an_account_and_a_region(arn: str) -> None:
    rule = EventRule.of(arn)

    assert (rule.account, rule.region) == ("123456789012", "us-east-1")


@pytest.mark.parametrize(
    "arn",
    [
        "", "letterhead-feedback", ARN.replace(":events:", ":sns:"), ARN.replace("123456789012", "1234"),
        ARN.replace(":rule/", ":event-bus/"), f"{ARN}*", f"{ARN} ", ARN.removesuffix("letterhead-feedback"),
    ],
)  # fmt: skip
def test_what_is_not_the_arn_of_a_rule_is_not_accepted(arn: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of an EventBridge rule"):
        EventRule.of(arn)


def test_a_setting_names_the_rule_of_each_region() -> None:
    here = AwsRegion(account="123456789012", region="us-east-1")
    there = AwsRegion(account="210987654321", region="cn-north-1", feedback_rule="theirs")
    settings = Feedback(feedback_rule="letterhead-feedback")

    assert rule(here, settings) == RULE
    other = EventRule.of("arn:aws-cn:events:cn-north-1:210987654321:rule/theirs")
    assert rule(there, settings) == other
    assert rule(here, Feedback()) is None


@pytest.mark.parametrize(
    ("arn", "problem"),
    [
        (ARN.replace("123456789012", "210987654321"), "is not of 123456789012:us-east-1"),
        (ARN.replace("us-east-1", "eu-west-1"), "is not of 123456789012:us-east-1"),
        ("no rule", "is not the ARN of an EventBridge rule"),
    ],
)
def test_a_rule_of_another_account_or_region_is_a_wrong_setting(arn: str, problem: str) -> None:
    here = AwsRegion(account="123456789012", region="us-east-1")

    with pytest.raises(ConfigError, match=problem):
        rule(here, Feedback(feedback_rule=arn))
