"""Feedback contains untrusted input: any of it gives either limited feedback or an error."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from services.webhooks.events import event_of
from services.webhooks.model.bounds import MAX_DEPTH, MAX_DETAIL, bounded
from services.webhooks.model.feedback import FeedbackEvent, Malformed, parse
from tests.unit.webhooks.ses_events import SentEmail

RECEIVED = datetime(2026, 3, 1, tzinfo=UTC)
NATS_MAX_PAYLOAD = 1024 * 1024

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)
blocks = st.sampled_from(
    ["bounce", "complaint", "delivery", "deliveryDelay", "open", "click", "reject", "failure", "send", "mail"]
)
types = st.sampled_from(
    [
        "Bounce",
        "Complaint",
        "Delivery",
        "DeliveryDelay",
        "Open",
        "Click",
        "Reject",
        "Rendering Failure",
        "Send",
    ]
)


def read(event: Any) -> FeedbackEvent:
    return parse(json.dumps(event), RECEIVED)


def storable(feedback_event: FeedbackEvent) -> str:
    """Return the event as text; assert that Postgres accepts it: no NUL, lone surrogate or infinity."""
    text = json.dumps(
        [feedback_event.detail, feedback_event.ses_id, [each.address for each in feedback_event.recipients]],
        ensure_ascii=False,
        allow_nan=False,
    )
    text.encode()
    assert "\\u0000" not in text
    return text


@given(types, blocks, anything)
@settings(max_examples=300, deadline=None)
def test_an_object_of_any_type_causes_no_unexpected_error(event_type: str, key: str, part: Any) -> None:
    event: dict[str, Any] = {"eventType": event_type, "mail": SentEmail().mail, key: part}

    try:
        feedback_event = read(event)
    except Malformed:
        return

    storable(feedback_event)
    event_of(feedback_event)


@given(anything)
@settings(max_examples=200, deadline=None)
def test_any_json_is_feedback_or_malformed(content: Any) -> None:
    try:
        read(content)
    except Malformed:
        return


@pytest.mark.parametrize(
    ("event_type", "key"),
    [
        ("Bounce", "bounce"),
        ("Complaint", "complaint"),
        ("DeliveryDelay", "deliveryDelay"),
        ("Delivery", "delivery"),
        ("Click", "click"),
        ("Teleport", "teleport"),
    ],
)
def test_a_huge_event_stays_within_the_limits_of_nats_and_pages(event_type: str, key: str) -> None:
    long = "\u2028" * 1_500
    people = [{"emailAddress": long, "status": long, "diagnosticCode": long} for _ in range(60)]
    lists = ("bouncedRecipients", "complainedRecipients", "delayedRecipients")
    texts = ("smtpResponse", "link", "bounceType", "ipAddress", "userAgent")
    block: dict[str, Any] = dict.fromkeys(lists, people) | dict.fromkeys(texts, long)
    block |= {"recipients": [long] * 60, "linkTags": {f"{n}{long}": [long] * 60 for n in range(60)}}
    feedback_event = read({"eventType": event_type, "mail": SentEmail().mail, key: block})

    assert len(storable(feedback_event)) < MAX_DETAIL + 50 * 320 + 1_000
    event = event_of(feedback_event)
    assert event is None or len(json_format.MessageToJson(event.data)) < NATS_MAX_PAYLOAD / 2


AT_THE_END = "9999-12-31T23:59:59.999-14:00"


@pytest.mark.parametrize(
    "time", [AT_THE_END, "0001-01-01T00:00:00+14:00", "yesterday", "", None, 7, ["2026"]]
)
def test_an_invalid_time_is_replaced_by_the_time_of_receipt(time: Any) -> None:
    event = SentEmail().bounce()
    event["bounce"]["timestamp"] = time
    event["mail"]["timestamp"] = time

    assert read(event).occurred_at == RECEIVED


def test_a_time_without_a_zone_is_utc() -> None:
    event = SentEmail().bounce()
    event["bounce"]["timestamp"] = "2026-03-01T12:00:00"

    assert read(event).occurred_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "tags", [{}, None, "x", {"lh-email": []}, {"lh-email": "x"}, {"lh-email": [7]}, {"lh-email": ["x"]}]
)
def test_tags_that_are_not_ours_match_no_email(tags: Any) -> None:
    event = SentEmail().delivery()
    event["mail"]["tags"] = tags

    assert read(event).email_id is None


def test_our_tags_are_found_among_many_others() -> None:
    email = SentEmail()
    event = email.delivery()
    event["mail"]["tags"] = {f"tag-{number}": ["x"] for number in range(60)} | event["mail"]["tags"]

    assert read(event).email_id == email.email_id


def test_characters_and_numbers_that_postgres_rejects_are_replaced() -> None:
    assert bounded({"a\0b": ["\ud800", float("inf"), 2**70, True, 7]}) == {
        "a\ufffdb": ["?", None, str(2**70), True, 7]
    }


def test_deep_nesting_is_cut() -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = [deep]

    for _ in range(MAX_DEPTH):
        deep = bounded(deep)
        (deep,) = deep
    assert deep is None
