"""Chips: the label, icon and tone of every state shown on a page. Pure; sentences are in `texts`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.identity.v1.api_keys_pb2 import ApiKey
from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.identity.v1.links_pb2 import Link
from letterhead.identity.v1.tenants_pb2 import Tenant
from letterhead.sender.v1.emails_pb2 import Email, Recipient, TimelineEntry
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, SesAccount
from letterhead.webhooks.v1.feedback_pb2 import Feedback

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


def record(check: RecordCheck) -> Chip:
    """Return the chip of a record's status."""
    return _chip(_RECORD_CHIPS, check.status)


def domain_state(state: Domain.State.ValueType) -> Chip:
    """Return the chip of a domain's state."""
    return _chip(_DOMAIN_STATES, state)


def email_state(state: Email.State.ValueType) -> Chip:
    """Return the chip of an email's state."""
    return _chip(_EMAIL_STATES, state)


def recipient_state(state: Recipient.State.ValueType) -> Chip:
    """Return the chip of a recipient's state."""
    return _chip(_RECIPIENT_STATES, state)


def account_state(state: SesAccount.State.ValueType) -> Chip:
    """Return the chip of an SES account's state."""
    return _chip(_ACCOUNT_STATES, state)


def suppression_reason(reason: SuppressionReason.ValueType) -> Chip:
    """Return the chip of a suppression's reason."""
    return _chip(_REASONS, reason)


def tenant_state(state: Tenant.State.ValueType) -> Chip:
    """Return the chip of a tenant's state."""
    return _chip(_TENANT_STATES, state)


def key_state(key: ApiKey) -> Chip:
    """Return the chip of an API key's state."""
    return _credential_state(key)


def link_state(link: Link) -> Chip:
    """Return the chip of a link's state."""
    return _credential_state(link)


def outcome(email: Email) -> Chip:
    """Return the chip of an email in a list: once sent, the worst state of its recipients."""
    if email.state == Email.STATE_SENT:
        worst = max((each.state for each in email.recipients), default=Recipient.STATE_PENDING)
        if worst != Recipient.STATE_PENDING:
            return recipient_state(worst)
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
