"""Why emails and recipients are in their states: the reasons, and the parameters of their messages. Pure.

`messages` has the sentence of each reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypedDict, cast


class EmailReason(StrEnum):
    """The reasons, named as in `events.v1.EmailReason` and in the database."""

    UNSPECIFIED = ""  # stored by an earlier release

    ACCEPTED = "ACCEPTED"
    SCHEDULED = "SCHEDULED"
    RESCHEDULED = "RESCHEDULED"
    CANCELED = "CANCELED"

    TENANT_PAUSED = "TENANT_PAUSED"
    TENANT_THROTTLED = "TENANT_THROTTLED"
    TENANT_RATE_REACHED = "TENANT_RATE_REACHED"
    TENANT_DAILY_LIMIT_REACHED = "TENANT_DAILY_LIMIT_REACHED"
    ACCOUNT_UNKNOWN = "ACCOUNT_UNKNOWN"
    ACCOUNT_CLOSED = "ACCOUNT_CLOSED"
    SEND_SLOT_MISSED = "SEND_SLOT_MISSED"

    ATTEMPT_STARTED = "ATTEMPT_STARTED"
    ATTEMPT_NOT_STARTED = "ATTEMPT_NOT_STARTED"
    PROCESS_ENDED = "PROCESS_ENDED"
    MAY_CRASH_SENDERS = "MAY_CRASH_SENDERS"
    PARSERS_DISAGREE = "PARSERS_DISAGREE"
    BODY_ERASED = "BODY_ERASED"
    ALL_RECIPIENTS_SUPPRESSED = "ALL_RECIPIENTS_SUPPRESSED"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    DEADLINE_PASSED_PERHAPS_SENT = "DEADLINE_PASSED_PERHAPS_SENT"

    DOMAIN_NOT_READY = "DOMAIN_NOT_READY"
    DOMAIN_CAN_SEND = "DOMAIN_CAN_SEND"
    DOMAIN_DELETED = "DOMAIN_DELETED"
    DOMAIN_SUPERSEDED = "DOMAIN_SUPERSEDED"

    SES_ACCEPTED = "SES_ACCEPTED"
    SES_EVENT_ARRIVED = "SES_EVENT_ARRIVED"
    SES_RATE_EXCEEDED = "SES_RATE_EXCEEDED"
    SES_QUOTA_EXCEEDED = "SES_QUOTA_EXCEEDED"
    SES_PAUSED = "SES_PAUSED"
    SES_SETUP_REJECTED = "SES_SETUP_REJECTED"
    SES_UNREACHABLE = "SES_UNREACHABLE"
    RETURN_PATH_MISSING = "RETURN_PATH_MISSING"
    IDENTITY_NOT_VERIFIED = "IDENTITY_NOT_VERIFIED"
    SES_REJECTED = "SES_REJECTED"
    REQUEST_INVALID = "REQUEST_INVALID"
    CONTENT_REJECTED = "CONTENT_REJECTED"
    RENDERING_FAILED = "RENDERING_FAILED"

    ANSWER_LOST = "ANSWER_LOST"
    TAKEN_OVER = "TAKEN_OVER"
    NO_SES_EVENT = "NO_SES_EVENT"
    RESENT = "RESENT"
    OPERATOR_HOLDS = "OPERATOR_HOLDS"
    OPERATOR_DECIDED_SENT = "OPERATOR_DECIDED_SENT"
    OPERATOR_DECIDED_NOT_SENT = "OPERATOR_DECIDED_NOT_SENT"
    OPERATOR_DECIDED_RESEND = "OPERATOR_DECIDED_RESEND"

    RECIPIENT_SUPPRESSED = "RECIPIENT_SUPPRESSED"
    DELIVERY_STARTED = "DELIVERY_STARTED"
    DELAYED = "DELAYED"
    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    OPENED = "OPENED"
    CLICKED = "CLICKED"
    SUBSCRIPTION_CHANGED = "SUBSCRIPTION_CHANGED"
    UNKNOWN_EVENT = "UNKNOWN_EVENT"
    BOUNCED_ELSEWHERE = "BOUNCED_ELSEWHERE"


class Parameters(TypedDict, total=False):
    """The parameters of messages, as in `events.v1.EmailParameters`; those that are not known are absent."""

    attempt: int
    domain: str
    domain_state: str
    ses_code: str
    ses_message: str
    operator_key: str
    operator_reason: str
    explanation: str
    bounce_type: str
    bounce_sub_type: str
    enhanced_status: str
    response: str
    delay_type: str
    feedback_type: str
    user_agent: str
    link: str
    contact_list: str
    address: str


def known(stored: Mapping[str, Any]) -> Parameters:
    """Return the parameters among stored ones; a newer release may have stored others."""
    return cast("Parameters", {name: stored[name] for name in Parameters.__annotations__ if name in stored})


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an email or a recipient is in its state; `message` is the sentence of the reason."""

    reason: EmailReason = EmailReason.UNSPECIFIED
    parameters: Parameters = field(default_factory=Parameters)
    message: str = ""
