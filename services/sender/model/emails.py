"""Emails, recipients and attempts, with their states and allowed transitions. Pure.

The From is chosen in `origin`, requests are checked in `drafts`, and SES's answers are classified in
`answers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """The states of an email, named as in `Email.State`, sender.emails and on the page."""

    QUEUED = "QUEUED"  # accepted; waits to be submitted
    SENDING = "SENDING"  # being submitted: its attempt row is stored
    SENT = "SENT"  # SES accepted it
    SUPPRESSED = "SUPPRESSED"  # every recipient is suppressed; nothing was sent
    FAILED = "FAILED"  # rejected permanently
    CANCELED = "CANCELED"  # canceled before it was submitted
    EXPIRED = "EXPIRED"  # its deadline passed before it was sent
    HELD = "HELD"  # waits for its domain, or for an operator's decision
    UNKNOWN = "UNKNOWN"  # submitted, but SES's answer was lost


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.QUEUED: {
        State.SENDING: "it was dequeued; the attempt row is written in the same transaction",
        State.SUPPRESSED: "every recipient was suppressed in the meantime",
        State.HELD: "its domain cannot send now",
        State.FAILED: "its domain was deleted",
        State.CANCELED: "a caller canceled it",
        State.EXPIRED: "its deadline passed",
        State.SENT: "a late SES event for an attempt that SES seemed to have rejected",
    },
    State.SENDING: {
        State.SENT: "SES accepted it, by its answer or by an earlier event",
        State.QUEUED: "a definite, temporary rejection, or the attempt never started: nothing was sent",
        State.FAILED: "a definite, permanent rejection",
        State.HELD: "a rejection because of its domain, an operator's hold, or senders crash on it",
        State.UNKNOWN: "the answer was lost, or the process that waited for it ended",
    },
    State.UNKNOWN: {
        State.SENT: "an SES event",
        State.HELD: "no SES event within the window; it is never sent again without one",
        State.QUEUED: "no SES event within the window, and it asked to be sent once more; only once",
        State.EXPIRED: "its deadline passed without an SES event; its note says so",
        State.FAILED: "an operator decided that SES never accepted it",
    },
    State.HELD: {
        State.QUEUED: "its domain can send again, or an operator decided to send it once more",
        State.FAILED: "its domain was deleted, or an operator decided that SES never accepted it",
        State.CANCELED: "a caller canceled it",
        State.EXPIRED: "its deadline passed; its note says whether it may have been sent",
        State.SENT: "a late SES event",
    },
    State.SENT: {State.FAILED: "SES rejected the content after it had accepted the email"},
    # An SES event overrides its answer: a state that says "nothing was sent" must not stay if it is false.
    State.FAILED: {State.SENT: "a late SES event for an attempt that SES seemed to have rejected"},
    State.EXPIRED: {
        State.SENT: "a late SES event, or an operator decided that SES accepted it",
        State.FAILED: "an operator decided that SES never accepted it",
    },
    State.CANCELED: {State.SENT: "a late SES event for an attempt that SES seemed to have rejected"},
    State.SUPPRESSED: {},
}

# States after which nothing more is planned; the body is erased some time later.
FINAL = frozenset({State.SENT, State.SUPPRESSED, State.FAILED, State.CANCELED, State.EXPIRED})


class SentAs(StrEnum):
    """Whose name an email was sent under."""

    OWN = "OWN"
    SHARED = "SHARED"


class RecipientKind(StrEnum):
    """The header that names a recipient; for BCC, none does."""

    TO = "TO"
    CC = "CC"
    BCC = "BCC"


class RecipientState(StrEnum):
    """The delivery states of one recipient."""

    PENDING = "PENDING"
    DELAYED = "DELAYED"
    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    SUPPRESSED = "SUPPRESSED"  # left out; feedback does not change it


# A recipient only moves to the right, so order and repetition of events do not matter.
RANKS = (
    RecipientState.PENDING,
    RecipientState.DELAYED,
    RecipientState.DELIVERED,
    RecipientState.BOUNCED,
    RecipientState.COMPLAINED,
)


class AttemptState(StrEnum):
    """The states of one request to SES."""

    OPEN = "OPEN"  # it may be in flight
    ACCEPTED = "ACCEPTED"  # by SES's answer or its event
    REFUSED = "REFUSED"  # SES definitely rejected it; nothing was sent
    UNKNOWN = "UNKNOWN"  # the answer was lost
    ABANDONED = "ABANDONED"  # the window passed without an SES event, or an operator decided


ATTEMPT_TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.OPEN: frozenset({AttemptState.ACCEPTED, AttemptState.REFUSED, AttemptState.UNKNOWN}),
    # Acceptance may be recorded even after the lease was lost. A rejection may not, as it would queue the
    # email again.
    AttemptState.UNKNOWN: frozenset({AttemptState.ACCEPTED, AttemptState.ABANDONED}),
    AttemptState.REFUSED: frozenset({AttemptState.ACCEPTED}),
    AttemptState.ABANDONED: frozenset({AttemptState.ACCEPTED}),
    AttemptState.ACCEPTED: frozenset(),
}


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

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def match(self) -> str:
        """Return the form by which suppressions and feedback are matched."""
        return self.address.lower()

    def __str__(self) -> str:
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>' if self.name else self.address


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient and its delivery state."""

    kind: RecipientKind
    address: Address
    state: RecipientState = RecipientState.PENDING
    note: str = ""
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


@dataclass(frozen=True, slots=True)
class Rejection:
    """The error of one email of a batch in which others were accepted: a serialized google.rpc.Status."""

    status: bytes


@dataclass(frozen=True, slots=True)
class Transition:
    """One entry of an email's history."""

    state: State
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of an email: a `state` was entered, or SES reported a kind of `feedback`.

    `at` is from our clock for a state and from SES's for feedback, so close entries may be out of order.
    """

    at: datetime
    state: State | None
    feedback: str
    note: str
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Email:
    """A stored email; lists leave out bodies, headers and history."""

    id: UUID
    tenant_id: UUID
    claim_id: UUID
    sender: Address
    content: Content
    tags: Mapping[str, str]
    state: State
    note: str
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


@dataclass(frozen=True, slots=True)
class Move:
    """A requested change of an email's state; it is applied only if TRANSITIONS allows it.

    `delay` is how long the email waits before it may be dequeued or released. `ses_id` is set with SENT,
    `sent_as` and `sent_from` with SENDING, `suppressed` (the addresses) with SUPPRESSED.
    """

    email_id: UUID
    to: State
    note: str
    delay: timedelta = timedelta(0)
    ses_id: str | None = None
    sent_as: SentAs | None = None
    sent_from: str | None = None
    suppressed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """An email right after a move was applied."""

    id: UUID
    tenant_id: UUID
    claim_id: UUID
    state: State
    note: str
    ses_id: str
    sent_as: SentAs | None
    tags: Mapping[str, str]
    suppressed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt and the resulting move of its email; both are applied or neither."""

    attempt_id: UUID
    to: AttemptState
    move: Move
    error: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that a tenant's email is not sent to; `address` is in lower case."""

    tenant_id: UUID
    address: str
    reason: Reason
    email_id: UUID | None
    note: str
    id: UUID
    created_at: datetime
