"""The timeline of an email, in order: our own state changes, and the feedback that SES reported. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.sender.model.emails import Entry
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason, Explanation
from services.sender.model.states import State

Detail = Mapping[str, Any]


def entered(at: datetime, state: State, why: Explanation) -> Entry:
    """Return the entry of a state change."""
    return Entry(at, state, "", why)


def reported(at: datetime, kind: str, detail: Detail, recipients: tuple[str, ...]) -> Entry:
    """Return the entry of an SES event; `detail` is the event's own block, where any key may be missing."""
    explained = _EXPLAINED.get(kind)
    why = explained(detail) if explained else explain(EmailReason.UNKNOWN_EVENT)
    return Entry(at, None, kind, why, recipients)


def _bounced(detail: Detail) -> Explanation:
    recipients = [each for each in detail.get("bouncedRecipients") or () if isinstance(each, dict)]
    return explain(
        EmailReason.BOUNCED,
        bounce_type=_text(detail, "bounceType"),
        bounce_sub_type=_text(detail, "bounceSubType"),
        enhanced_status=_first(recipients, "status"),
        response=_first(recipients, "diagnosticCode"),
    )


def _first(recipients: Sequence[Detail], key: str) -> str:
    return next((text for each in recipients if (text := _text(each, key))), "")


def _text(holder: Detail, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


_EXPLAINED: Mapping[str, Callable[[Detail], Explanation]] = {
    "SEND": lambda _: explain(EmailReason.DELIVERY_STARTED),
    "DELIVERY": lambda detail: explain(EmailReason.DELIVERED, response=_text(detail, "smtpResponse")),
    "BOUNCE": _bounced,
    "COMPLAINT": lambda detail: explain(
        EmailReason.COMPLAINED, feedback_type=_text(detail, "complaintFeedbackType")
    ),
    "REJECT": lambda detail: explain(EmailReason.CONTENT_REJECTED, ses_message=_text(detail, "reason")),
    "DELAY": lambda detail: explain(EmailReason.DELAYED, delay_type=_text(detail, "delayType")),
    "OPEN": lambda detail: explain(EmailReason.OPENED, user_agent=_text(detail, "userAgent")),
    "CLICK": lambda detail: explain(
        EmailReason.CLICKED, link=_text(detail, "link"), user_agent=_text(detail, "userAgent")
    ),
    "RENDERING_FAILURE": lambda detail: explain(
        EmailReason.RENDERING_FAILED, ses_message=_text(detail, "errorMessage")
    ),
    "SUBSCRIPTION": lambda detail: explain(
        EmailReason.SUBSCRIPTION_CHANGED, contact_list=_text(detail, "contactList")
    ),
}
