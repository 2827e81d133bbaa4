"""What an email, a recipient and an attempt are, and which way each may go. Pure.

Not for the From (`origin`), for what is a good request (`drafts`), nor for what SES's answers mean
(`answers`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """What became of an email; the words of `Email.State`, sender.emails and the page."""

    QUEUED = "QUEUED"  # accepted; waits to be handed over
    CLAIMED = "CLAIMED"  # being handed over: its attempt row stands
    SENT = "SENT"  # SES accepted it
    SUPPRESSED = "SUPPRESSED"  # every recipient is suppressed; nothing was sent
    FAILED = "FAILED"  # refused for good
    CANCELED = "CANCELED"  # canceled before it was handed over
    EXPIRED = "EXPIRED"  # its deadline passed before it was handed over
    HELD = "HELD"  # waits for its domain, or for somebody's decision
    UNKNOWN = "UNKNOWN"  # handed over, and SES's answer was lost


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.QUEUED: {
        State.CLAIMED: "its turn has come; the attempt row is written with it",
        State.SUPPRESSED: "every recipient came onto the list meanwhile",
        State.HELD: "its domain cannot send now",
        State.FAILED: "its domain is gone",
        State.CANCELED: "somebody called it back",
        State.EXPIRED: "its deadline passed",
        State.SENT: "late evidence of an attempt that SES had seemed to refuse",
    },
    State.CLAIMED: {
        State.SENT: "SES said so, or its event did before the answer came",
        State.QUEUED: "a certain refusal that may pass, or it never began: nothing was sent",
        State.FAILED: "a certain refusal for good",
        State.HELD: "a refusal for its domain's sake, an operator's halt, or it seems to kill senders",
        State.UNKNOWN: "the answer was lost, or the process that waited for it",
    },
    State.UNKNOWN: {
        State.SENT: "evidence",
        State.HELD: "no evidence within the window; it is never sent again blindly",
        State.QUEUED: "no evidence within the window, and it asked to be sent once more; once is all",
        State.EXPIRED: "its deadline passed, and nobody knows: its note says so",
        State.FAILED: "an operator found out that SES never took it",
    },
    State.HELD: {
        State.QUEUED: "its domain can send again, or an operator decided to send it once more",
        State.FAILED: "its domain is gone, or an operator found out that SES never took it",
        State.CANCELED: "somebody called it back",
        State.EXPIRED: "its deadline passed; its note says whether it may have been sent",
        State.SENT: "late evidence",
    },
    State.SENT: {State.FAILED: "SES refused the content after it had accepted the email"},
    # SES's event is worth more than its answer: a state that says "nothing was sent" must not stay false.
    State.FAILED: {State.SENT: "late evidence of an attempt that SES had seemed to refuse"},
    State.EXPIRED: {
        State.SENT: "late evidence, or an operator found out that SES took it",
        State.FAILED: "an operator found out that SES never took it",
    },
    State.CANCELED: {State.SENT: "late evidence of an attempt that SES had seemed to refuse"},
    State.SUPPRESSED: {},
}

# States in which nothing more is planned: the body is erased a while after.
FINAL = frozenset({State.SENT, State.SUPPRESSED, State.FAILED, State.CANCELED, State.EXPIRED})


class SentAs(StrEnum):
    """As whom an email left."""

    OWN = "OWN"
    SHARED = "SHARED"


class RecipientKind(StrEnum):
    """Which header names a recipient; BCC: none does."""

    TO = "TO"
    CC = "CC"
    BCC = "BCC"


class RecipientState(StrEnum):
    """What became of an email at one recipient."""

    PENDING = "PENDING"
    DELAYED = "DELAYED"
    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    SUPPRESSED = "SUPPRESSED"  # left out; no feedback changes it


# A recipient only ever moves to the right: order and repetition of events do not matter.
RANKS = (
    RecipientState.PENDING,
    RecipientState.DELAYED,
    RecipientState.DELIVERED,
    RecipientState.BOUNCED,
    RecipientState.COMPLAINED,
)


class AttemptState(StrEnum):
    """What is known of one request to SES."""

    OPEN = "OPEN"  # it may be on its way
    ACCEPTED = "ACCEPTED"  # SES's answer, or its event
    REFUSED = "REFUSED"  # certain: nothing was sent
    UNKNOWN = "UNKNOWN"  # the answer was lost
    ABANDONED = "ABANDONED"  # the window passed without evidence, and somebody decided


ATTEMPT_TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.OPEN: frozenset({AttemptState.ACCEPTED, AttemptState.REFUSED, AttemptState.UNKNOWN}),
    # Truth beats lease: acceptance may be noted after the take-over. A refusal may not, as it would queue
    # again.
    AttemptState.UNKNOWN: frozenset({AttemptState.ACCEPTED, AttemptState.ABANDONED}),
    AttemptState.REFUSED: frozenset({AttemptState.ACCEPTED}),
    AttemptState.ABANDONED: frozenset({AttemptState.ACCEPTED}),
    AttemptState.ACCEPTED: frozenset(),
}


class Reason(StrEnum):
    """Why an address is suppressed."""

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
        """What suppressions and feedback are matched by."""
        return self.address.lower()

    def __str__(self) -> str:
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>' if self.name else self.address


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient and what became of the email there."""

    kind: RecipientKind
    address: Address
    state: RecipientState = RecipientState.PENDING
    note: str = ""
    state_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an email; `size` in bytes.

    `content_id` is what the HTML body shows it by, empty when it does not. `content` is None where it was not
    read, and once it was erased.
    """

    file_name: str
    content_type: str
    content_id: str
    size: int
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """What the recipients see, apart from who it is from. `text` and `html` are None when there is none."""

    subject: str
    reply_to: tuple[Address, ...] = ()
    text: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


class OnUnknown(StrEnum):
    """What is done when SES's answer was lost and no evidence came within the window."""

    HOLD = "HOLD"  # somebody decides
    RESEND = "RESEND"  # it is sent once more


@dataclass(frozen=True, slots=True)
class Terms:
    """When an email is to be sent, and what is done when it is unknown whether it was.

    `send_at` None: at once. `window` None: as long as the installation has it.
    """

    send_at: datetime | None = None
    on_unknown: OnUnknown = OnUnknown.HOLD
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An email that may be accepted: every field is checked. `size` is in bytes, as encoded.

    `path` is where in the request it stands: `emails[3].`; empty where the request is of one. `is_test` marks
    a test email, in our words, which a link may show.
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
class Refusal:
    """Why one email of a batch was not accepted while others were: a google.rpc.Status, as bytes."""

    status: bytes


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of an email's history."""

    state: State
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to an email: a `state` was entered, or SES told of a kind of `feedback`.

    `at` is by our clock for the first and by SES's for the second, so two close together may change places.
    """

    at: datetime
    state: State | None
    feedback: str
    note: str
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Email:
    """An email as it is stored; lists leave out bodies, headers and history."""

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
    """A change of an email's state that is asked for; it is made where TRANSITIONS has it.

    `delay` is how long it rests before it may be claimed or released. `ses_id` comes with SENT, `sent_as` and
    `sent_from` with CLAIMED, `suppressed` (the addresses) with SUPPRESSED.
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
    """An email right after a move was made."""

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
class Verdict:
    """What an attempt came to, and where that leads its email; both are made or neither."""

    attempt_id: UUID
    to: AttemptState
    move: Move
    error: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that a tenant's email is kept from; `address` is in lower case."""

    tenant_id: UUID
    address: str
    reason: Reason
    email_id: UUID | None
    note: str
    id: UUID
    created_at: datetime
