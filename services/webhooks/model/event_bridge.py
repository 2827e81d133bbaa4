"""Unwraps SES's events from EventBridge's envelope and accepts only those of the rule's account and region.

Pure. EventBridge does not sign events. One is genuine if the queue's policy lets only the rule send it
(`chassis.queue_policy`): only AWS can put an event on a bus whose source starts with `aws.`.
https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from services.webhooks.model.bounds import bounded_text
from services.webhooks.model.envelope import Arrival
from services.webhooks.model.rejections import Forged
from services.webhooks.model.sns import MAX_BODY

SOURCE = "aws.ses"
# The member by which an envelope is recognized, as it is written in JSON: SNS's envelope never has it.
MARK = '"detail-type"'

_ARN = re.compile(
    r"arn:aws[a-z-]{0,20}:events:([a-z0-9-]{1,40}):([0-9]{12}):rule/(?:[A-Za-z0-9._/-]{1,256}/)?[A-Za-z0-9._-]{1,64}"
)
_ID = re.compile(r"[0-9A-Fa-f-]{1,64}")


@dataclass(frozen=True, slots=True)
class EventRule:
    """The only accepted EventBridge rule; SES's events are of its own account and region."""

    arn: str
    account: str
    region: str

    @classmethod
    def of(cls, arn: str) -> "EventRule":
        """Return the rule of an ARN; raise ValueError for a malformed one."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ValueError(f"{arn!r} is not the ARN of an EventBridge rule")
        return cls(arn, account=match[2], region=match[1])


def is_event(body: str) -> bool:
    """Return whether a queue message is in EventBridge's envelope, genuine or not."""
    if MARK not in body:  # parsing every message only to find this out would be slow
        return False
    content = _content(body)
    return content is not None and "detail-type" in content and "TopicArn" not in content


def unwrap_event(body: str, rule: EventRule) -> Arrival:
    """Return SES's event in a message; raise Forged unless it is of the rule's account and region."""
    if len(body.encode("utf-8", "replace")) > MAX_BODY:
        raise Forged("too_large")
    envelope = _content(body) or {}
    if envelope.get("source") != SOURCE:
        raise Forged("foreign_source")
    if envelope.get("account") != rule.account:
        raise Forged("foreign_account")
    if envelope.get("region") != rule.region:
        raise Forged("foreign_region")
    event_id, detail = envelope.get("id"), envelope.get("detail")
    if not (isinstance(event_id, str) and _ID.fullmatch(event_id) and isinstance(detail, dict)):
        raise Forged("malformed")
    return Arrival(f"eventbridge:{event_id}", rule.arn, bounded_text(_text(detail), MAX_BODY))


def _content(body: str) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _text(detail: dict[str, Any]) -> str:
    try:
        return json.dumps(detail, ensure_ascii=False)
    except RecursionError:
        raise Forged("malformed") from None
