"""Chips: the label, icon and tone of every state shown on a page. Pure; sentences are in `texts`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.identity.v1.api_keys_pb2 import ApiKey
from letterhead.identity.v1.domain_reason_pb2 import DomainReason
from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.identity.v1.links_pb2 import Link
from letterhead.identity.v1.tenants_pb2 import Tenant
from letterhead.sender.v1.emails_pb2 import Email, Recipient, TimelineEntry
from letterhead.verifier.v1 import check_reason_pb2
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, SesAccount, Verification
from letterhead.webhooks.v1.feedback_pb2 import Feedback
from letterhead.webhooks.v1.webhook_service_pb2 import Attempt, Endpoint, EndpointEvent
from services.console import domain_status, record_problems

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Chip:
    """A label with an icon. The tone sets the colour and never adds meaning that the label lacks."""

    word: str
    tone: str  # a class in the stylesheet: good, bad, wait or quiet
    icon: str  # a name in the `icon` macro of templates/parts.html


_RECORD_CHIPS = {
    RecordCheck.STATUS_UNSPECIFIED: Chip("Checking", "quiet", "clock"),
    RecordCheck.STATUS_FOUND: Chip("Found", "good", "check"),
    RecordCheck.STATUS_MISSING: Chip("Missing", "wait", "circle"),
    RecordCheck.STATUS_MISMATCH: Chip("Mismatch", "bad", "cross"),
    RecordCheck.STATUS_CONFLICT: Chip("Conflict", "bad", "warning"),
    RecordCheck.STATUS_PROPAGATING: Chip("Propagating", "wait", "half"),
    RecordCheck.STATUS_UNREACHABLE: Chip("Unreachable", "wait", "question"),
}
# A record that was published with a mistake, by the reason; it has one of these instead of its status.
_WRONG_VALUE = Chip("Wrong value", "bad", "cross")
_MISPLACED = Chip("Wrong place", "bad", "cross")
_MISTAKES = {
    check_reason_pb2.CHECK_REASON_OTHER_TYPE: Chip("Wrong type", "bad", "cross"),
    check_reason_pb2.CHECK_REASON_AS_TEXT: Chip("Wrong type", "bad", "cross"),
    check_reason_pb2.CHECK_REASON_SPF_TYPE: Chip("Wrong type", "bad", "cross"),
    check_reason_pb2.CHECK_REASON_ZONE_APPENDED: Chip("Wrong name", "bad", "cross"),
    check_reason_pb2.CHECK_REASON_AT_ZONE: Chip("Wrong name", "bad", "cross"),
    check_reason_pb2.CHECK_REASON_LABEL_REPEATED: Chip("Wrong name", "bad", "cross"),
    check_reason_pb2.CHECK_REASON_UNDERSCORE_MISSING: Chip("Wrong name", "bad", "cross"),
    check_reason_pb2.CHECK_REASON_AT_DOMAIN: Chip("Wrong name", "bad", "cross"),
}
_UNKNOWN = Chip("Unknown", "quiet", "question")
_DOMAIN_STATES = {
    Domain.STATE_PROVISIONING: Chip("Setting up", "quiet", "clock"),
    Domain.STATE_PENDING: Chip("Pending", "wait", "circle"),
    Domain.STATE_READY: Chip("Ready", "good", "check"),
    Domain.STATE_DEGRADED: Chip("Degraded", "bad", "warning"),
    Domain.STATE_LOST: Chip("Lost", "bad", "cross"),
    Domain.STATE_FAILED: Chip("Failed", "bad", "cross"),
    Domain.STATE_DELETING: Chip("Deleting", "quiet", "clock"),
    Domain.STATE_DELETED: Chip("Deleted", "quiet", "circle"),
}
_RECORDS_GONE = Chip("Records gone", "wait", "warning")
_ACTION_NEEDED = Chip("Action needed", "wait", "warning")
_PAUSED = Chip("Paused", "wait", "warning")
_DELAYED = Chip("Delayed", "wait", "clock")
_CHECKING = Chip("Checking", "quiet", "clock")
_EMAIL_STATES = {
    Email.STATE_QUEUED: Chip("Queued", "quiet", "clock"),
    Email.STATE_SENDING: Chip("Sending", "quiet", "clock"),
    Email.STATE_SENT: Chip("Sent", "good", "check"),
    Email.STATE_SUPPRESSED: Chip("Suppressed", "wait", "circle"),
    Email.STATE_FAILED: Chip("Failed", "bad", "cross"),
    Email.STATE_CANCELED: Chip("Canceled", "quiet", "circle"),
    Email.STATE_EXPIRED: Chip("Expired", "bad", "cross"),
    Email.STATE_HELD: Chip("Held", "wait", "warning"),
    Email.STATE_UNKNOWN: Chip("Unknown", "wait", "question"),
}
_SCHEDULED = Chip("Scheduled", "quiet", "clock")
_RECIPIENT_STATES = {
    Recipient.STATE_PENDING: Chip("Pending", "quiet", "clock"),
    Recipient.STATE_DELAYED: Chip("Delayed", "wait", "clock"),
    Recipient.STATE_DELIVERED: Chip("Delivered", "good", "check"),
    Recipient.STATE_BOUNCED: Chip("Bounced", "bad", "cross"),
    Recipient.STATE_COMPLAINED: Chip("Complained", "bad", "warning"),
    Recipient.STATE_SUPPRESSED: Chip("Suppressed", "wait", "circle"),
}
# A sent email whose recipients are in several states, by the worst of them.
_PARTLY = {
    Recipient.STATE_DELAYED: Chip("Partly delayed", "wait", "clock"),
    Recipient.STATE_DELIVERED: Chip("Partly delivered", "wait", "half"),
    Recipient.STATE_BOUNCED: Chip("Partly bounced", "bad", "cross"),
    Recipient.STATE_COMPLAINED: Chip("Partly complained", "bad", "warning"),
}
# A recipient without feedback, by the state of its email: nothing is pending for an email that was not sent.
_NOT_SENT = Chip("Not sent", "quiet", "circle")
_WITHOUT_FEEDBACK = {
    Email.STATE_FAILED: _NOT_SENT,
    Email.STATE_CANCELED: _NOT_SENT,
    Email.STATE_SUPPRESSED: _NOT_SENT,
    Email.STATE_EXPIRED: _EMAIL_STATES[Email.STATE_EXPIRED],
    Email.STATE_HELD: _EMAIL_STATES[Email.STATE_HELD],
    Email.STATE_UNKNOWN: _EMAIL_STATES[Email.STATE_UNKNOWN],
}
_FEEDBACK = {
    Feedback.KIND_DELIVERY: Chip("Delivered", "good", "check"),
    Feedback.KIND_BOUNCE: Chip("Bounced", "bad", "cross"),
    Feedback.KIND_COMPLAINT: Chip("Complained", "bad", "warning"),
    Feedback.KIND_DELAY: Chip("Delayed", "wait", "clock"),
    Feedback.KIND_REJECT: Chip("Rejected", "bad", "cross"),
    Feedback.KIND_OPEN: Chip("Opened", "quiet", "check"),
    Feedback.KIND_CLICK: Chip("Clicked", "quiet", "check"),
    Feedback.KIND_SEND: Chip("Submitted", "quiet", "check"),
}
_ACCOUNT_STATES = {
    SesAccount.STATE_UNREACHABLE: Chip("Unreachable", "wait", "question"),
    SesAccount.STATE_READY: Chip("Ready", "good", "check"),
    SesAccount.STATE_SANDBOXED: Chip("Sandboxed", "wait", "warning"),
    SesAccount.STATE_PAUSED: Chip("Paused", "bad", "cross"),
    SesAccount.STATE_UNDER_REVIEW: Chip("Under review", "wait", "warning"),
}
_REASONS = {
    SuppressionReason.SUPPRESSION_REASON_BOUNCE: Chip("Bounced", "bad", "cross"),
    SuppressionReason.SUPPRESSION_REASON_COMPLAINT: Chip("Complained", "bad", "warning"),
    SuppressionReason.SUPPRESSION_REASON_MANUAL: Chip("Manual", "quiet", "circle"),
}
_TENANT_STATES = {
    Tenant.STATE_ACTIVE: Chip("Active", "good", "check"),
    Tenant.STATE_PAUSED: Chip("Paused", "bad", "warning"),
}
_ENABLED = Chip("Enabled", "good", "check")
_FAILING = Chip("Failing", "wait", "warning")
_DISABLED = Chip("Disabled", "quiet", "stop")
_DISABLED_BY_US = Chip("Disabled", "bad", "stop")
_RETRYING = Chip("Retrying", "wait", "clock")
_WEBHOOK_EVENT_STATES = {
    EndpointEvent.STATE_PENDING: Chip("Pending", "quiet", "clock"),
    EndpointEvent.STATE_DELIVERED: Chip("Delivered", "good", "check"),
    EndpointEvent.STATE_FAILED: Chip("Failed", "bad", "cross"),
    EndpointEvent.STATE_UNSENT: Chip("Not sent", "wait", "circle"),
}


def record_status(check: RecordCheck) -> Chip:
    """Return the chip of a record's status, whatever its reason."""
    return _chip(_RECORD_CHIPS, check.status)


def record(check: RecordCheck) -> Chip:
    """Return the chip of a record: its mistake, if it was published with one, or its status."""
    if not record_problems.is_wrong(check) or check.status == RecordCheck.STATUS_CONFLICT:
        return record_status(check)
    if check.status == RecordCheck.STATUS_MISMATCH:
        return _WRONG_VALUE
    return _MISTAKES.get(check.reason, _MISPLACED)


def domain(listed: Domain) -> Chip:
    """Return the chip of a domain in a list."""
    if listed.state in domain_status.SENDING and listed.ownership == Domain.OWNERSHIP_CHALLENGED:
        return _ACTION_NEEDED
    if listed.state == Domain.STATE_READY and listed.state_reason == DomainReason.DOMAIN_REASON_RECORDS_GONE:
        return _RECORDS_GONE
    return domain_state(listed.state)


def verification(known: Verification) -> Chip:
    """Return the chip of a domain on its page, which knows more: never green while something is wrong."""
    if known.state in domain_status.SENDING and known.ownership == Domain.OWNERSHIP_CHALLENGED:
        return _ACTION_NEEDED
    if domain_status.rechecked(known):
        return _CHECKING
    if domain_status.delayed(known):
        return _DELAYED
    if domain_status.records_gone(known):
        return _RECORDS_GONE
    if known.state == Domain.STATE_READY and domain_status.paused(known):
        return _PAUSED
    return domain_state(known.state)


def domain_state(state: Domain.State.ValueType) -> Chip:
    """Return the chip of a domain's state."""
    return _chip(_DOMAIN_STATES, state)


def email_state(state: Email.State.ValueType) -> Chip:
    """Return the chip of an email's state."""
    return _chip(_EMAIL_STATES, state)


def recipient_state(state: Recipient.State.ValueType) -> Chip:
    """Return the chip of a recipient's state."""
    return _chip(_RECIPIENT_STATES, state)


def recipient(of: Recipient, email: Email) -> Chip:
    """Return the chip of a recipient; without feedback, it agrees with that of its email."""
    if of.state == Recipient.STATE_PENDING and email.state in _WITHOUT_FEEDBACK:
        return _WITHOUT_FEEDBACK[email.state]
    return recipient_state(of.state)


def account_state(state: SesAccount.State.ValueType) -> Chip:
    """Return the chip of an SES account's state."""
    return _chip(_ACCOUNT_STATES, state)


def suppression_reason(reason: SuppressionReason.ValueType) -> Chip:
    """Return the chip of a suppression's reason."""
    return _chip(_REASONS, reason)


def tenant_state(state: Tenant.State.ValueType) -> Chip:
    """Return the chip of a tenant's state."""
    return _chip(_TENANT_STATES, state)


def webhook(endpoint: Endpoint) -> Chip:
    """Return the chip of a webhook endpoint."""
    if endpoint.state == Endpoint.STATE_DISABLED:
        requested = endpoint.disable_reason == Endpoint.DISABLE_REASON_REQUESTED
        return _DISABLED if requested else _DISABLED_BY_US
    return _FAILING if endpoint.HasField("failing_since_time") else _ENABLED


def webhook_event(event: EndpointEvent) -> Chip:
    """Return the chip of an event of a webhook endpoint."""
    if event.state == EndpointEvent.STATE_PENDING and event.attempts:
        return _RETRYING
    return webhook_event_state(event.state)


def webhook_event_state(state: EndpointEvent.State.ValueType) -> Chip:
    """Return the chip of the state of a webhook event."""
    return _chip(_WEBHOOK_EVENT_STATES, state)


def webhook_attempt(attempt: Attempt) -> Chip:
    """Return the chip of one post: the HTTP status, if there was an answer."""
    if not attempt.status:
        return Chip("No answer", "bad", "cross")
    accepted = 200 <= attempt.status < 300
    return Chip(f"Status {attempt.status}", *(("good", "check") if accepted else ("bad", "cross")))


def key_state(key: ApiKey) -> Chip:
    """Return the chip of an API key's state."""
    return _credential_state(key)


def link_state(link: Link) -> Chip:
    """Return the chip of a link's state."""
    return _credential_state(link)


def outcome(email: Email) -> Chip:
    """Return the chip of an email: once sent, the state of its recipients, or the worst of several.

    Suppressed recipients were left out, so they count only if no other has a state of its own.
    """
    if email.state == Email.STATE_SENT:
        states = {each.state for each in email.recipients}
        worst = max(states - {Recipient.STATE_SUPPRESSED}, default=Recipient.STATE_PENDING)
        if worst != Recipient.STATE_PENDING:
            return recipient_state(worst) if states == {worst} else _chip(_PARTLY, worst)
    if email.state == Email.STATE_QUEUED and email.HasField("scheduled_time"):
        return (
            _SCHEDULED
            if email.scheduled_time.ToDatetime(UTC) > datetime.now(UTC)
            else email_state(email.state)
        )
    return email_state(email.state)


def happening(entry: TimelineEntry) -> Chip:
    """Return the chip of a timeline entry."""
    return email_state(entry.state) if entry.state else _chip(_FEEDBACK, entry.feedback)


def _chip(of: Mapping[State, Chip], state: State) -> Chip:
    """Return the chip of a state; a state that this version does not know gets the Unknown chip."""
    return of.get(state, _UNKNOWN)


def _credential_state(credential: ApiKey | Link) -> Chip:
    if credential.HasField("revoke_time"):
        return Chip("Revoked", "quiet", "cross")
    if credential.HasField("expire_time") and credential.expire_time.ToDatetime(UTC) < datetime.now(UTC):
        return Chip("Expired", "quiet", "clock")
    return Chip("Active", "good", "check")
