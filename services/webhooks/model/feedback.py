"""Parses SES's notifications into feedback (`FeedbackEvent`), by pure functions.

For any input, `parse` either returns an event or raises `Malformed` with a message for operators.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.webhooks.model.bounds import MAX_ITEMS, MAX_TEXT, bounded, bounded_detail, bounded_text
from services.webhooks.model.mailboxes import mailboxes

# No genuine value is longer: an address (RFC 5321 §4.5.3.1), an enhanced status code, an SMTP reply, a tag.
MAX_ADDRESS = 320
MAX_STATUS = 40
MAX_DIAGNOSTIC = 1_000
MAX_SES_ID = 200
# Of the recipients that cannot be read, what operators are shown; the stored notification has everything.
SHOWN = 3
MAX_SHOWN = 100
MAX_LINK_TAG = 256


class Kind(StrEnum):
    """The kind of feedback; values are the names used in the proto and in SQL."""

    UNSPECIFIED = "UNSPECIFIED"  # a type that this version does not know
    SEND = "SEND"
    DELIVERY = "DELIVERY"
    BOUNCE = "BOUNCE"
    COMPLAINT = "COMPLAINT"
    REJECT = "REJECT"
    DELAY = "DELAY"
    OPEN = "OPEN"
    CLICK = "CLICK"
    RENDERING_FAILURE = "RENDERING_FAILURE"
    SUBSCRIPTION = "SUBSCRIPTION"


# SES's name of each event type, and the key of the object that describes it.
# https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
TYPES = {
    "Send": (Kind.SEND, "send"),
    "Delivery": (Kind.DELIVERY, "delivery"),
    "Bounce": (Kind.BOUNCE, "bounce"),
    "Complaint": (Kind.COMPLAINT, "complaint"),
    "Reject": (Kind.REJECT, "reject"),
    "DeliveryDelay": (Kind.DELAY, "deliveryDelay"),
    "Open": (Kind.OPEN, "open"),
    "Click": (Kind.CLICK, "click"),
    "Rendering Failure": (Kind.RENDERING_FAILURE, "failure"),
    "Subscription": (Kind.SUBSCRIPTION, "subscription"),
}

# The key of the recipients in that object; a kind in WHOLE_EMAIL concerns every recipient of the email.
RECIPIENTS = {
    Kind.DELIVERY: "recipients",
    Kind.BOUNCE: "bouncedRecipients",
    Kind.COMPLAINT: "complainedRecipients",
    Kind.DELAY: "delayedRecipients",
}
WHOLE_EMAIL = frozenset({Kind.SEND, Kind.REJECT, Kind.RENDERING_FAILURE})

# Subtypes for which SES did not attempt delivery. They repeat what a list already says about the address.
ECHOES = frozenset(
    {
        "Suppressed",
        "OnAccountSuppressionList",
        "OnTenantSuppressionList",
        "EmailValidationSuppressed",
        "UnsubscribedRecipient",
    }
)
# Feedback types of reports that are not a person's complaint (RFC 5965 §7.3, RFC 6650 §3.1).
NOT_COMPLAINTS = frozenset({"not-spam", "auth-failure"})


class Malformed(ValueError):
    """A notification that is not a valid SES event; the message says why."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A stored notification that is not processed yet."""

    id: UUID
    body: str = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient as SES reports it, with the receiver's status and diagnostic; either may be empty."""

    address: str
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """The email that feedback is about, as events describe it; `recipients` are [kind, address], in order."""

    claim_id: UUID
    domain: str
    region: str
    sender: tuple[str, str]  # the address and the name in From
    subject: str
    tags: Mapping[str, str]
    recipients: Sequence[tuple[str, str]]
    created_at: datetime
    send_at: datetime | None

    def addresses(self, kind: str) -> list[str]:
        """Return the addresses of one kind of recipient, `TO`, `CC` or `BCC`, in order."""
        return [address for each, address in self.recipients if each == kind]


@dataclass(frozen=True, slots=True)
class FeedbackEvent:
    """One feedback event of one email. `meaning` is a digest that is the same for every repetition of it.

    `unreadable` are the reported recipients that are not email addresses. `reference` describes the email
    once it is known.
    """

    kind: Kind
    ses_id: str
    tenant_id: UUID | None
    email_id: UUID | None
    attempt_id: UUID | None
    recipients: tuple[Recipient, ...]
    occurred_at: datetime
    meaning: bytes
    block: dict[str, Any] = field(repr=False)
    unreadable: tuple[str, ...] = ()
    reference: Reference | None = None

    @property
    def tagged(self) -> bool:
        """Return whether the event has our tags; the older feedback notifications have none."""
        return self.attempt_id is not None or self.email_id is not None

    @property
    def detail(self) -> dict[str, Any]:
        """Return SES's object for this kind, limited to the size that is stored."""
        return bounded_detail(self.block)

    def text(self, key: str) -> str:
        """Return a string of SES's object; empty when it is missing or not a string."""
        return _text(self.block, key)


@dataclass(frozen=True, slots=True)
class Feedback:
    """A feedback event as it is stored."""

    id: UUID
    kind: Kind
    email_id: UUID | None
    ses_id: str
    recipients: tuple[str, ...]
    detail: dict[str, Any]
    occurred_at: datetime
    received_at: datetime


def parse(body: str, received_at: datetime) -> FeedbackEvent:
    """Parse one SES event, in the format of event publishing or of the older feedback notifications.

    `received_at` is used when SES gives no time. Raises Malformed and nothing else.
    """
    event = _event(body)
    mail = _mapping(event, "mail")
    ses_id = _text(mail, "messageId", MAX_SES_ID)
    if not ses_id:
        raise Malformed("The event names no email: mail.messageId is missing.")
    kind, block = _kind_and_block(event)
    recipients, unreadable = _recipients(kind, block, mail)
    if kind in RECIPIENTS and not recipients:
        raise Malformed(f"The {kind} names no email address: {_shown(unreadable) or RECIPIENTS[kind]}.")
    return FeedbackEvent(
        kind=kind,
        ses_id=ses_id,
        tenant_id=_tag(mail, "lh-tenant"),
        email_id=_tag(mail, "lh-email"),
        attempt_id=_tag(mail, "lh-attempt"),
        recipients=recipients,
        occurred_at=_time(block) or _time(mail) or received_at,
        meaning=_meaning(kind, ses_id, recipients, block),
        block=block,
        unreadable=unreadable,
    )


def problem_of(feedback_event: FeedbackEvent) -> str:
    """Return what of an event cannot be processed, for operators; empty if it is complete."""
    return f"Not email addresses: {_shown(feedback_event.unreadable)}." if feedback_event.unreadable else ""


def hard(feedback_event: FeedbackEvent) -> bool:
    """Return whether the bounce is a hard bounce that should suppress its recipients.

    SES may add subtypes, so a permanent bounce with an unknown subtype counts as hard.
    """
    return (
        feedback_event.text("bounceType") == "Permanent"
        and feedback_event.text("bounceSubType") not in ECHOES
    )


def counted(feedback_event: FeedbackEvent) -> bool:
    """Return whether a complaint comes from a person, rather than from a suppression list or a filter."""
    feedback_type = feedback_event.text("complaintFeedbackType").lower()
    return feedback_type not in NOT_COMPLAINTS and feedback_event.text("complaintSubType") not in ECHOES


def link_tags(feedback_event: FeedbackEvent) -> list[tuple[str, str]]:
    """Return the tags of a clicked link as pairs of name and value; SES reports a list of values by name."""
    named = _mapping(feedback_event.block, "linkTags")
    pairs = [
        (bounded_text(name, MAX_LINK_TAG), bounded_text(value, MAX_LINK_TAG))
        for name, values in named.items()
        if isinstance(values, list)
        for value in values
        if isinstance(value, str)
    ]
    return pairs[:MAX_ITEMS]


def _event(body: str) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        # SES greets a new topic with plain text: "Successfully validated SNS topic for …".
        raise Malformed(f"The event is not JSON: {bounded_text(body, 100)!r}.") from None
    if not isinstance(event, dict):
        raise Malformed(f"The event is not a JSON object: {bounded_text(body, 100)!r}.")
    return event


def _kind_and_block(event: dict[str, Any]) -> tuple[Kind, dict[str, Any]]:
    """Return the kind, and SES's object for it; for an unknown kind that is the whole event."""
    type_name = _text(event, "eventType") or _text(event, "notificationType")
    if not type_name:
        raise Malformed("The event has neither eventType nor notificationType.")
    kind, key = TYPES.get(type_name, (Kind.UNSPECIFIED, ""))
    return kind, bounded(_mapping(event, key) if key else event)


def _meaning(kind: Kind, ses_id: str, recipients: Sequence[Recipient], block: dict[str, Any]) -> bytes:
    """Return a digest that identifies the event: SES may repeat one, even under a new SNS message id.

    A bounce or complaint is identified by its feedback id and recipients; other events by email, kind,
    recipients, time and link; an event of an unknown kind by its whole content.
    """
    addresses = sorted({each.address for each in recipients})
    feedback_id = _text(block, "feedbackId")
    if kind is Kind.UNSPECIFIED:
        parts: list[Any] = [kind, block]
    elif feedback_id:
        parts = [kind, feedback_id, addresses]
    else:
        parts = [kind, ses_id, addresses, _text(block, "timestamp"), _text(block, "link")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def _recipients(
    kind: Kind, block: dict[str, Any], mail: dict[str, Any]
) -> tuple[tuple[Recipient, ...], tuple[str, ...]]:
    """Return the recipients that an event names, and those of them that are not email addresses."""
    named = mail.get("destination") if kind in WHOLE_EMAIL else block.get(RECIPIENTS.get(kind, ""))
    listed = named if isinstance(named, list) else [named] if named else []
    recipients: list[Recipient] = []
    unreadable: list[str] = []
    for each in listed[:MAX_ITEMS]:
        read = _read(each)
        recipients += read
        if not read:
            unreadable.append(bounded_text(str(each), MAX_SHOWN))
    return tuple(recipients), tuple(unreadable)


def _read(named: Any) -> list[Recipient]:
    """Parse an entry: an object in bounces, complaints and delays, else a text. It may name several."""
    fields = named if isinstance(named, dict) else {"emailAddress": named}
    status = _text(fields, "status", MAX_STATUS)
    diagnostic = _text(fields, "diagnosticCode", MAX_DIAGNOSTIC)
    return [
        Recipient(address, status, diagnostic)
        for address in mailboxes(_text(fields, "emailAddress"))
        if len(address) <= MAX_ADDRESS
    ]


def _shown(unreadable: Sequence[str]) -> str:
    more = f" and {len(unreadable) - SHOWN} more" if len(unreadable) > SHOWN else ""
    return ", ".join(map(repr, unreadable[:SHOWN])) + more


def _tag(mail: dict[str, Any], name: str) -> UUID | None:
    """Return the UUID in one of our own tags, which SES reports as lists of values; None if there is none."""
    values = _mapping(mail, "tags").get(name)
    try:
        return UUID(values[0]) if isinstance(values, list) and isinstance(values[0], str) else None
    except (ValueError, IndexError):
        return None


def _time(holder: dict[str, Any]) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(holder, "timestamp"))
        return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _mapping(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _text(holder: dict[str, Any], key: str, limit: int = MAX_TEXT) -> str:
    value = holder.get(key)
    return bounded_text(value, limit) if isinstance(value, str) else ""
