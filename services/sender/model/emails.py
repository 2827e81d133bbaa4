"""Emails, recipients, attachments and suppressions. Pure.

Their states are in `states`; the From is chosen in `origin`, requests are checked in `drafts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr
from enum import StrEnum
from typing import Self
from uuid import UUID

from chassis.addresses import match_of
from chassis.message_ids import ses_message_id
from services.sender.model.messages import explain
from services.sender.model.reasons import UNEXPLAINED, EmailReason, Explanation, Parameters
from services.sender.model.states import RecipientState, SentAs, State


class RecipientKind(StrEnum):
    """The header that names a recipient; for BCC, none does."""

    TO = "TO"
    CC = "CC"
    BCC = "BCC"


class Reason(StrEnum):
    """The reasons why an address is suppressed."""

    BOUNCE = "BOUNCE"
    COMPLAINT = "COMPLAINT"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class Address:
    """An addr-spec with its domain as A-labels, and a display name that may be empty."""

    address: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that `str` wrote as this text."""
        name, address = parseaddr(text)
        return cls(address, name)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def match(self) -> str:
        """Return the form by which suppressions and feedback are matched."""
        return match_of(self.address)

    def __str__(self) -> str:
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>' if self.name else self.address


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient and its delivery state."""

    kind: RecipientKind
    address: Address
    state: RecipientState = RecipientState.PENDING
    why: Explanation = UNEXPLAINED
    state_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is sent with an email; `size` in bytes.

    The HTML body refers to it by `content_id`, which is empty if it does not. `content` is None if it was not
    loaded or was erased.
    """

    file_name: str
    content_type: str
    content_id: str
    size: int
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """What the recipients see, except for the From. `text` and `html` are None if absent."""

    subject: str
    reply_to: tuple[Address, ...] = ()
    text: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


class OnUnknown(StrEnum):
    """The policies for a lost SES answer without an SES event within the window."""

    HOLD = "HOLD"  # an operator decides
    RESEND = "RESEND"  # the email is sent once more


@dataclass(frozen=True, slots=True)
class Terms:
    """When to send an email, and what to do if it is unknown whether it was sent.

    `send_at` None means now. `window` None means the installation's default.
    """

    send_at: datetime | None = None
    on_unknown: OnUnknown = OnUnknown.HOLD
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An email that may be accepted: every field is checked. `size` is in bytes, encoded.

    `path` is its position in a request of several, such as `emails[3].`, else empty. `is_test` marks a test
    email, whose text is ours and which a link may show.
    """

    sender: Address
    recipients: tuple[Recipient, ...]
    content: Content
    tags: Mapping[str, str]
    size: int
    terms: Terms = Terms()
    path: str = ""
    is_test: bool = False

    @property
    def why(self) -> Explanation:
        """Return why the email is QUEUED once it is accepted."""
        return explain(EmailReason.SCHEDULED if self.terms.send_at else EmailReason.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Rejection:
    """The error of one email of a batch in which others were accepted: a serialized google.rpc.Status."""

    status: bytes


@dataclass(frozen=True, slots=True)
class Transition:
    """One entry of an email's history."""

    state: State
    why: Explanation
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of an email: a `state` was entered, or SES reported a kind of `feedback`.

    `at` is from our clock for a state and from SES's for feedback, so close entries may be out of order.
    """

    at: datetime
    state: State | None
    feedback: str
    why: Explanation
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Email:
    """A stored email; lists leave out bodies, headers and history. `region` is SES's, by AWS's name."""

    id: UUID
    tenant_id: UUID
    claim_id: UUID
    sender: Address
    content: Content
    tags: Mapping[str, str]
    state: State
    why: Explanation
    created_at: datetime
    state_at: datetime
    expires_at: datetime
    recipients: tuple[Recipient, ...] = ()
    history: tuple[Transition, ...] = ()
    timeline: tuple[Entry, ...] = ()
    sent_as: SentAs | None = None
    sent_from: str = ""
    ses_id: str = ""
    sent_at: datetime | None = None
    terms: Terms = Terms()
    region: str = ""

    @property
    def message_id(self) -> str:
        """Return the Message-ID that SES wrote; empty before it accepted the email."""
        return ses_message_id(self.ses_id, self.region)


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that a tenant's email is not sent to; `address` is in lower case.

    `note` is what a person entered with a MANUAL one; `message` is what the receiver reported otherwise. It
    ends at `expires_at`; None: never.
    """

    tenant_id: UUID
    address: str
    reason: Reason
    email_id: UUID | None
    note: str
    message: str
    parameters: Parameters
    id: UUID
    created_at: datetime
    expires_at: datetime | None = None
